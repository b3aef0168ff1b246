//! The topic to which orders are published: the trait, Kafka, and an in-memory implementation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use outbox::{Publisher as _, Record};
use platform::kafka::{Config, KafkaPublisher, is_too_large};

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

const PUBLISH_TIMEOUT: Duration = Duration::from_secs(3);

pub struct KafkaTopic {
    publisher: KafkaPublisher,
    topic: String,
}

impl KafkaTopic {
    pub fn new(config: &Config, topic: String) -> anyhow::Result<Self> {
        Ok(Self { publisher: KafkaPublisher::within(config, PUBLISH_TIMEOUT)?, topic })
    }
}

#[async_trait]
impl Topic for KafkaTopic {
    async fn publish(&self, order: &Order) -> Result<(), Error> {
        let payload = payload(order)?;
        let key = order.order_uid.as_str().as_bytes().to_vec();
        let record = Record { topic: self.topic.clone(), key, payload, headers: HashMap::new() };
        self.publisher
            .publish(vec![record])
            .await
            .map_err(|error| if is_too_large(&error) { Error::TooLong } else { Error::Topic(error) })
    }
}

/// A topic in memory. Clones share the published records.
#[derive(Clone, Default)]
pub struct MemoryTopic {
    records: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl MemoryTopic {
    pub fn records(&self) -> Vec<Vec<u8>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Topic for MemoryTopic {
    async fn publish(&self, order: &Order) -> Result<(), Error> {
        let payload = payload(order)?;
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(payload);
        Ok(())
    }
}
