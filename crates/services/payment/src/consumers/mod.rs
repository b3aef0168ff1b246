//! Kafka consumers, one per event type.

mod order_cancelled;

pub use order_cancelled::order_cancelled;
