//! The broker, to which an order is published: trait, Kafka, and an in-memory twin.

mod kafka;
mod memory;

use async_trait::async_trait;
pub use kafka::KafkaTopic;
pub use memory::MemoryTopic;

use crate::{error::Error, model::Order};

/// The topic of orders, as a producer sees it.
#[async_trait]
pub trait Topic: Send + Sync {
    /// Returns once the topic has the order.
    async fn publish(&self, order: &Order) -> Result<(), Error>;
}
