//! Publishes a record byte for byte: absent or empty key and value, and headers in their order.

use rdkafka::message::OwnedHeaders;

use super::{Headers, KafkaPublisher, all_records::Outgoing};

/// A record exactly as it is in a topic. In contrast, a [`Record`](super::Record) always has a key, a payload and text
/// headers.
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
    /// Like [`publish`](crate::outbox::Publisher::publish).
    pub async fn publish_exact(&self, record: &ExactRecord) -> anyhow::Result<()> {
        let mut outgoing = Outgoing::to(&record.topic);
        outgoing.key = record.key.as_ref();
        outgoing.payload = record.payload.as_ref();
        if !record.headers.is_empty() {
            outgoing = outgoing.headers(OwnedHeaders::from(&record.headers));
        }
        self.publish_all(vec![outgoing]).await
    }
}
