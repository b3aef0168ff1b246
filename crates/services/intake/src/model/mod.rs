//! The order as outside programs publish it, and its rules.

mod members;
mod order;
mod rules;

pub use order::{Delivery, Item, Order, OrderUid, Payment};
pub use rules::{Broken, MAX_MESSAGE_BYTES};
