//! The order as programs outside publish it, and the rules that it keeps.

mod members;
mod order;
mod rules;

pub use order::{Delivery, Item, Order, OrderUid, Payment};
pub use rules::{Broken, MESSAGE_LIMIT};
