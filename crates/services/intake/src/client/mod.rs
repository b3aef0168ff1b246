//! The topic to which orders are published: the trait, Kafka, and an in-memory implementation.

mod kafka;
mod memory;

use async_trait::async_trait;
pub use kafka::KafkaTopic;
pub use memory::MemoryTopic;

use crate::{error::Error, model::Order};

/// The topic to which producers publish orders.
#[async_trait]
pub trait Topic: Send + Sync {
    /// Publishes an order. Returns once it is in the topic.
    async fn publish(&self, order: &Order) -> Result<(), Error>;
}
