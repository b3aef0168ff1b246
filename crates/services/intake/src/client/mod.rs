//! The topic to which orders are published: the trait, Kafka, and an in-memory implementation.

mod kafka;
mod memory;

use async_trait::async_trait;
pub use kafka::KafkaTopic;
pub use memory::MemoryTopic;

use crate::{
    error::Error,
    model::{MAX_MESSAGE_BYTES, Order},
};

#[async_trait]
pub trait Topic: Send + Sync {
    /// Returns once the order is in the topic.
    async fn publish(&self, order: &Order) -> Result<(), Error>;
}

/// Returns the message of an order. It has every member, so it may be longer than the body in which the order arrived.
/// Fails if it is longer than the consumer accepts.
fn payload(order: &Order) -> Result<Vec<u8>, Error> {
    let payload = serde_json::to_vec(order).map_err(|error| Error::Topic(error.into()))?;
    if payload.len() > MAX_MESSAGE_BYTES { Err(Error::TooLong) } else { Ok(payload) }
}
