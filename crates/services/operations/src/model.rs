//! The filter by which an operator chooses dead letters, and the results of replaying and discarding them.

use std::fmt;

use chrono::{DateTime, Utc};

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
pub struct Replayed {
    pub messages: usize,
    pub letters: usize,
    /// A sentence for each message that was not replayed.
    pub problems: Vec<String>,
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

/// Returns the result of discarding this number of letters as a sentence.
pub fn discarded(letters: usize) -> String {
    format!("{} discarded", counted(letters, "dead letter"))
}
