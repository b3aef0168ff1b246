//! Consumers, one per event.

mod order_cancelled;

pub use order_cancelled::order_cancelled;
