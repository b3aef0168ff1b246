//! Builds the dead letter of a poison message, with the metadata to replay it, and publishes it to the dead-letter topic.

use std::collections::HashMap;

use super::{Consumer, Message, Record, dead_letter_topic, is_too_large};
use crate::outbox::Publisher as _;

/// The topic of the original message.
pub const HEADER_TOPIC: &str = "dlq-origin-topic";
pub const HEADER_PARTITION: &str = "dlq-origin-partition";
pub const HEADER_OFFSET: &str = "dlq-origin-offset";
/// The consumer group that could not handle the message.
pub const HEADER_GROUP: &str = "dlq-origin-group";
pub const HEADER_ERROR: &str = "dlq-error";
/// The number of attempts to handle the message.
pub const HEADER_ATTEMPTS: &str = "dlq-attempts";
/// The time at which the message was dead-lettered, RFC 3339.
pub const HEADER_FAILED_AT: &str = "dlq-failed-at";

/// The number of payload bytes that were omitted because the dead-letter topic does not accept a record of this size.
pub const HEADER_LEFT_OUT: &str = "dlq-left-out-bytes";

/// The headers that an abridged dead letter keeps.
const TOLD: [&str; 9] = [
    HEADER_TOPIC,
    HEADER_PARTITION,
    HEADER_OFFSET,
    HEADER_GROUP,
    HEADER_ERROR,
    HEADER_ATTEMPTS,
    HEADER_FAILED_AT,
    "event-uuid",
    "event-type",
];

/// The length in bytes to which the key and each header of an abridged dead letter are cut.
const KEPT: usize = 1024;

impl Consumer {
    /// Publishes the message to its dead-letter topic.
    pub(super) async fn dead_letter(&self, message: &Message, problem: &str, attempts: u32) -> anyhow::Result<()> {
        tracing::error!(
            group = self.group,
            topic = message.topic,
            partition = message.partition,
            offset = message.offset,
            problem,
            "message dead-lettered: it cannot be handled"
        );
        let letter = dead_letter(message, self.group, problem, attempts);
        let publisher = self.dead_letters.publisher(&self.config).await?;
        match publisher.publish(vec![letter.clone()]).await {
            // The original message fitted because it was compressed. Without abridging, this one record would block its partition for ever.
            Err(error) if is_too_large(&error) => publisher.publish(vec![abridged(letter)]).await?,
            outcome => outcome?,
        }
        metrics::counter!("kafka_dead_letters_total", "group" => self.group).increment(1);
        Ok(())
    }
}

/// Builds the dead letter: the original message and its headers, plus headers with the origin and the error.
fn dead_letter(message: &Message, group: &str, error: &str, attempts: u32) -> Record {
    let mut headers = message.headers.clone();
    headers.extend([
        (HEADER_TOPIC.to_owned(), message.topic.clone()),
        (HEADER_PARTITION.to_owned(), message.partition.to_string()),
        (HEADER_OFFSET.to_owned(), message.offset.to_string()),
        (HEADER_GROUP.to_owned(), group.to_owned()),
        (HEADER_ERROR.to_owned(), error.to_owned()),
        (HEADER_ATTEMPTS.to_owned(), attempts.to_string()),
        (HEADER_FAILED_AT.to_owned(), crate::clock::now().to_rfc3339()),
    ]);
    Record {
        topic: dead_letter_topic(&message.topic),
        key: message.key.clone(),
        payload: message.payload.clone(),
        headers,
    }
}

/// Abridges a dead letter that is too large for its topic. It keeps origin, error and type, but not the payload. The complete message is
/// still in the original topic.
fn abridged(letter: Record) -> Record {
    let Record { topic, mut key, payload, headers } = letter;
    key.truncate(KEPT);
    let told = headers.into_iter().filter(|(name, _)| TOLD.contains(&name.as_str()));
    let mut headers: HashMap<_, _> = told
        .map(|(name, mut value)| {
            value.truncate(value.floor_char_boundary(KEPT));
            (name, value)
        })
        .collect();
    headers.insert(HEADER_LEFT_OUT.to_owned(), payload.len().to_string());
    Record { topic, key, payload: Vec::new(), headers }
}
