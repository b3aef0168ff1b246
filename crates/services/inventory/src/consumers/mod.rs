//! Kafka consumers, one per event type.

mod order_cancelled;
mod order_created;
mod ship_assembled;

pub use order_cancelled::order_cancelled;
pub use order_created::order_created;
pub use ship_assembled::ship_assembled;
