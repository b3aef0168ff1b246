//! Kafka consumers, one per event type.

mod order_cancelled;
mod ship_assembled;

pub use order_cancelled::order_cancelled;
pub use ship_assembled::ship_assembled;
