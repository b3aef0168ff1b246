//! A consumed message, its handler, and the failures of handling.
//!
//! A record is read and published byte for byte: absent or empty key and value, and headers in their order, with
//! duplicates, binary values and null values.

use std::{collections::HashMap, ops::Index, time::Duration};

use async_trait::async_trait;
use base::error_chain;
use chrono::{DateTime, Utc};
use opentelemetry::propagation::Extractor;
use rdkafka::message::{BorrowedMessage, Header, Message as _, OwnedHeaders};
use store::postgres::DatabaseError;

/// A record, copied from librdkafka's buffers.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub topic: String,
    /// The id of the brokers' cluster, which differs after a broker was recreated. Set for messages of a
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

/// When an event's change was committed, in RFC 3339.
pub const HEADER_EVENT_TIME: &str = outbox::HEADER_EVENT_TIME;
/// The type of an event: its full protobuf name.
pub const HEADER_EVENT_TYPE: &str = outbox::HEADER_EVENT_TYPE;

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

    /// Returns the metadata with which a consumer commits the offset after this record: the time of the record.
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

/// Maps the error to poison only if it is certainly permanent.
impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        match &error {
            DatabaseError::Inconsistent { .. } => Self::poison(error_chain(error)),
            refused if refused.is_permanent_refusal() => Self::poison(error_chain(error)),
            DatabaseError::Unavailable(_) | DatabaseError::Refused(_) => Self::transient(error),
        }
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

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Headers(Vec<(String, Option<Vec<u8>>)>);

impl Headers {
    /// Returns the last header with this name whose value is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.texts().filter(|(known, _)| *known == name).last().map(|(_, text)| text)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Returns the headers whose value is valid UTF-8.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.after(0)
    }

    /// Returns the headers after the first `count` whose value is valid UTF-8.
    pub(super) fn after(&self, count: usize) -> impl Iterator<Item = (&str, &str)> {
        self.iter().skip(count).filter_map(|(name, value)| Some((name, str::from_utf8(value?).ok()?)))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends a header, even if there is one with the same name.
    pub fn push(&mut self, name: impl Into<String>, value: Option<Vec<u8>>) {
        self.0.push((name.into(), value));
    }

    pub fn push_text(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.push(name, Some(value.into().into_bytes()));
    }
}

impl FromIterator<(String, Option<Vec<u8>>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, Option<Vec<u8>>)>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}

impl From<HashMap<String, String>> for Headers {
    fn from(texts: HashMap<String, String>) -> Self {
        texts.into_iter().map(|(name, text)| (name, Some(text.into_bytes()))).collect()
    }
}

impl<H: rdkafka::message::Headers> From<&H> for Headers {
    fn from(headers: &H) -> Self {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    }
}

impl From<&Headers> for OwnedHeaders {
    fn from(headers: &Headers) -> Self {
        let all = OwnedHeaders::new_with_capacity(headers.len());
        headers.iter().fold(all, |all, (key, value)| all.insert(Header { key, value }))
    }
}

/// The text of a header, like [`Headers::get`]. Panics if there is none.
impl Index<&str> for Headers {
    type Output = str;

    fn index(&self, name: &str) -> &str {
        self.get(name).expect("the record has this header")
    }
}

/// Lets OpenTelemetry read the producer's trace.
impl Extractor for Headers {
    fn get(&self, name: &str) -> Option<&str> {
        self.get(name)
    }

    fn keys(&self) -> Vec<&str> {
        self.texts().map(|(name, _)| name).collect()
    }
}

/// A record exactly as it is in a topic. In contrast, a [`Record`](super::Record) always has a key, a payload and text
/// headers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExactRecord {
    pub topic: String,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub headers: Headers,
}
