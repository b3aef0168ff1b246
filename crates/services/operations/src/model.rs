//! Which dead letters an operator chooses, and what the dead-letter queue returns.

use std::fmt;

use chrono::{DateTime, Utc};
pub use contracts::proto::operations::v1::{DeadLetterState as LetterState, Poison, Resolved};

/// A filter of dead letters. An absent condition matches every letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Letters that were dead-lettered later do not match.
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Default)]
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

#[derive(Clone, Debug)]
pub struct Letter {
    /// The id of the letter, such as `order.paid.dlq/0/17`.
    pub id: String,
    /// The time at which the message was dead-lettered.
    pub at: DateTime<Utc>,
    pub state: LetterState,
    /// Who resolved the letter, when and why; `None` while the letter is pending.
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

/// What a replay would do.
#[derive(Clone, Debug, Default)]
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

#[derive(Clone, Debug, Default)]
pub struct Replayed {
    pub messages: usize,
    pub letters: usize,
    /// A sentence for each message that was not replayed.
    pub problems: Vec<String>,
}

#[derive(Clone, Debug, Default)]
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
