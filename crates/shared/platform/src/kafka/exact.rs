//! Publishing a record byte for byte: absent or empty key and value, and headers in their order.

use anyhow::Context as _;
use rdkafka::{message::OwnedHeaders, producer::FutureRecord};

use super::{Headers, KafkaPublisher};

/// A record exactly as it is in a topic, unlike a [`Record`](super::Record), which always has a key, a payload and headers of text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExactRecord {
    pub topic: String,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub headers: Headers,
}

impl KafkaPublisher {
    /// Publishes the record, and returns when the broker has acknowledged it.
    ///
    /// # Errors
    ///
    /// Those of [`publish`](crate::outbox::Publisher::publish).
    pub async fn publish_exact(&self, record: &ExactRecord) -> anyhow::Result<()> {
        self.ensure(vec![record.topic.as_str()]).await?;
        let outcome = self.send_exact(record).await;
        if outcome.is_err() {
            self.replace_failed()?;
        }
        outcome
    }

    async fn send_exact(&self, record: &ExactRecord) -> anyhow::Result<()> {
        let mut producer = self.trusting()?;
        let mut message = FutureRecord::to(&record.topic);
        message.key = record.key.as_ref();
        message.payload = record.payload.as_ref();
        if !record.headers.is_empty() {
            message = message.headers(OwnedHeaders::from(&record.headers));
        }
        let delivery = producer.client.send_result(message).map_err(|(error, _)| error).context("queueing a record")?;
        producer.delivered(delivery, &record.topic).await
    }
}
