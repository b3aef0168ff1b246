//! A consumed message, its handler, and the failures of handling.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rdkafka::message::{BorrowedMessage, Message as _};

use super::Headers;

/// A record, copied from librdkafka's buffers.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub topic: String,
    /// The id of the brokers' cluster, which differs after a broker was made anew. Set for messages of a
    /// [`Consumer`](super::Consumer). Empty if the broker has none.
    pub cluster: String,
    pub partition: i32,
    pub offset: i64,
    /// When the record was published, by the producer's clock.
    pub published_at: Option<DateTime<Utc>>,
    /// Empty if the record has no key.
    pub key: Vec<u8>,
    /// Empty if the record has no value.
    pub payload: Vec<u8>,
    pub headers: Headers,
    pub absent: Absent,
}

/// The parts that a record lacks, as opposed to empty ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Absent {
    pub key: bool,
    /// A record without a value is a tombstone: it deletes its key from a compacted topic.
    pub payload: bool,
}

/// The time at which an event's change was committed, in RFC 3339.
pub const HEADER_EVENT_TIME: &str = "event-time";
/// The type of an event: its full protobuf name.
pub const HEADER_EVENT_TYPE: &str = "event-type";

impl Message {
    /// Returns when the event happened, if the record has this header.
    pub fn happened_at(&self) -> Option<DateTime<Utc>> {
        let happened = DateTime::parse_from_rfc3339(self.headers.get(HEADER_EVENT_TIME)?).ok()?;
        Some(happened.to_utc())
    }

    /// Returns how long before `now` the event happened, or 0 if its time is after `now` because a clock is ahead.
    /// `None` if the record has no time.
    pub fn age(&self, now: DateTime<Utc>) -> Option<Duration> {
        Some((now - self.happened_at()?).to_std().unwrap_or_default())
    }

    /// Returns the note with which a consumer commits the offset behind this record: its time.
    pub(super) fn note(&self) -> String {
        self.published_at.map(|at| at.timestamp_millis().to_string()).unwrap_or_default()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The same message may succeed later, so the consumer retries it in place.
    #[error("{0:#}")]
    Transient(anyhow::Error),
    /// The message can never be handled, so the consumer moves it to the dead-letter topic.
    #[error("{0}")]
    Poison(String),
}

impl Failure {
    pub fn transient(error: impl Into<anyhow::Error>) -> Self {
        Self::Transient(error.into())
    }

    pub fn poison(problem: impl Into<String>) -> Self {
        Self::Poison(problem.into())
    }
}

/// A handler of the messages of one topic. Each message is handled at least once, and messages with the same key are
/// handled in order.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    async fn handle(&self, message: &Message) -> Result<(), Failure>;

    /// Returns the maximum number of messages that [`handle_all`](Self::handle_all) accepts. 1 means that the handler
    /// does not use batches.
    fn batch(&self) -> usize {
        1
    }

    /// Handles messages of one partition as a batch. Returns true for each handled message. The consumer then handles
    /// the remaining messages one by one, in their order.
    async fn handle_all(&self, messages: &[Message]) -> Vec<bool> {
        vec![false; messages.len()]
    }
}

impl From<&BorrowedMessage<'_>> for Message {
    fn from(message: &BorrowedMessage<'_>) -> Self {
        Self {
            topic: message.topic().to_owned(),
            cluster: String::new(),
            partition: message.partition(),
            offset: message.offset(),
            published_at: message.timestamp().to_millis().and_then(DateTime::from_timestamp_millis),
            key: message.key().unwrap_or_default().to_vec(),
            payload: message.payload().unwrap_or_default().to_vec(),
            headers: message.headers().map(Headers::from).unwrap_or_default(),
            absent: Absent { key: message.key().is_none(), payload: message.payload().is_none() },
        }
    }
}
