//! The order as outside programs publish it, and the rules that it must comply with.

mod members;
mod order;
mod rules;

pub use order::{Delivery, Item, Order, OrderUid, Payment};
pub use rules::{Broken, MAX_MESSAGE_BYTES};
