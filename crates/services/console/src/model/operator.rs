//! What operators see of the whole system: services, outboxes, the lag of consumers, and dead letters.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

/// The state of one service, as reported by the replica that responded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServiceState {
    pub service: &'static str,
    /// One sentence about the service.
    pub about: &'static str,
    /// The address of its admin port.
    pub admin: String,
    /// `None` if the admin port does not report it.
    pub version: Option<String>,
    pub is_ready: bool,
    /// The conditions that are not met, such as `database`.
    pub waiting_for: Vec<String>,
    /// Why the admin port was not read.
    pub error: Option<String>,
    /// The circuit breakers of the service's own calls.
    pub breakers: Vec<Breaker>,
}

/// The circuit breakers of a service for one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breaker {
    pub peer: String,
    /// `closed`, `half open` or `open`: the worst state of these breakers.
    pub state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutboxState {
    pub service: &'static str,
    /// Why the database was not read. The other fields are then empty.
    pub error: Option<String>,
    #[serde(flatten)]
    pub backlog: Backlog,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, FromRow)]
pub struct Backlog {
    /// The number of events that are not published yet, without those that are set aside.
    pub waiting: i64,
    /// The number of events that are set aside: their type has no topic, the broker refuses them, or they are behind
    /// such an event.
    pub set_aside: i64,
    /// When the oldest event that is not published was written.
    pub oldest: Option<DateTime<Utc>>,
    /// The replica whose relay publishes, as host, port and id of its process; `None` if no replica has the lease.
    pub relay: Option<String>,
    /// When the relay's lease ends, if it is not renewed.
    pub relay_until: Option<DateTime<Utc>>,
}

/// The lag of one consumer group in one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionLag {
    pub service: &'static str,
    /// The consumer group, without the prefix of this system.
    pub group: &'static str,
    pub topic: String,
    pub partition: i32,
    /// The committed offset; `None` if the group has committed none.
    pub committed: Option<i64>,
    /// The offset after the last record.
    pub end: i64,
    /// The number of records that are not handled. Offsets are committed every half second.
    pub lag: i64,
}

/// A filter of dead letters. An absent condition matches every letter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// The id of a letter, such as `order.paid.dlq/0/17`.
    pub letter: Option<String>,
    /// The original topic, such as `order.paid`.
    pub topic: Option<String>,
    /// The consumer group that failed to handle the message.
    pub group: Option<String>,
    /// The event type, such as `events.v1.OrderPaid`.
    pub kind: Option<String>,
    /// A part of the error, ignoring case.
    pub reason: Option<String>,
    /// The time at which the newest letter of the confirmation was dead-lettered. The action leaves out letters that arrived later.
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct LetterPage {
    /// The number of letters that match.
    pub matching: usize,
    /// The time at which the newest letter that matches was dead-lettered.
    pub newest: Option<DateTime<Utc>>,
    /// The number of letters by state, whether they match or not, of the topics that were read.
    pub pending: usize,
    pub replayed: usize,
    pub discarded: usize,
    /// The letters of this page, the oldest first.
    pub letters: Vec<Letter>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Letter {
    /// The id of the letter, such as `order.paid.dlq/0/17`.
    pub id: String,
    /// The time at which the message was dead-lettered.
    pub at: DateTime<Utc>,
    pub state: LetterState,
    /// Who resolved the letter, when and why, as the journal says; `None` while the letter is pending.
    pub resolved: Option<Resolved>,
    /// The topic, the partition and the offset of the original record.
    pub topic: String,
    pub partition: String,
    pub offset: String,
    /// The consumer group that failed to handle the message.
    pub group: String,
    pub kind: String,
    pub error: String,
    pub attempts: String,
    pub key: String,
    pub headers: Vec<(String, String)>,
    /// The decoded event, or the bytes in hexadecimal digits.
    pub payload: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Resolved {
    pub who: String,
    pub at: DateTime<Utc>,
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterState {
    Pending,
    Replayed,
    Discarded,
}

/// What a replay would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The messages that would be published. A message that several consumers dead-lettered is published once.
    pub messages: usize,
    /// The letters that these messages resolve.
    pub letters: usize,
    /// The messages that no consumer can decode, so that each becomes a dead letter again.
    pub poison: Vec<Poison>,
    /// The messages of outside programs. A consumer may still refuse one of them because of the data that its service
    /// has stored.
    pub from_outside: usize,
    /// The messages that are skipped, because another consumer's letter of the same message was discarded.
    pub discarded: usize,
    /// The messages that are skipped, because they are so old that inboxes may soon forget their events.
    pub late: usize,
    /// The chosen letters that are skipped, because they were too large to be kept in full.
    pub truncated: usize,
    /// The time at which the newest of the chosen letters was dead-lettered.
    pub newest: Option<DateTime<Utc>>,
}

/// A message that would be a dead letter again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Poison {
    /// The first letter of the message.
    pub letter: String,
    pub reason: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    pub messages: usize,
    pub letters: usize,
    /// A sentence for each message that was not replayed.
    pub problems: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Discarded {
    pub letters: usize,
}

/// Writes a number with its noun, such as `1 message` or `2 messages`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, letters, problems } = self;
        write!(f, "{} replayed, {} resolved", counted(*messages, "message"), counted(*letters, "dead letter"))?;
        if !problems.is_empty() {
            write!(f, "; {} could not be replayed", counted(problems.len(), "message"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Discarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} discarded", counted(self.letters, "dead letter"))
    }
}
