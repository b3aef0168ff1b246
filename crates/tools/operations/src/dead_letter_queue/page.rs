//! Pages of dead letters, for people.

use chrono::{DateTime, Utc};
use platform::kafka;
use serde::{Deserialize, Serialize};

use super::{DeadLetterQueue, Found, State, decoded::payload, decoded::shown};

/// Which dead letters are wanted. Absent conditions are met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// The original topic, such as `order.paid`.
    pub topic: Option<String>,
    /// The event type, such as `events.v1.OrderPaid`.
    pub kind: Option<String>,
    /// A part of the error, in any case.
    pub reason: Option<String>,
}

/// A page of dead letters.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    /// The number of letters that match.
    pub matching: usize,
    /// The number of letters by state, whether they match or not, of the topics that were read.
    pub pending: usize,
    pub replayed: usize,
    pub discarded: usize,
    /// The letters of this page, the oldest first.
    pub letters: Vec<Letter>,
}

/// A dead letter, decoded.
#[derive(Clone, Debug, Serialize)]
pub struct Letter {
    /// Such as `order.paid.dlq/0/17`.
    pub id: String,
    /// The time at which the message was dead-lettered.
    pub at: DateTime<Utc>,
    pub state: StateName,
    /// Who resolved it, when and why, if it is resolved and the journal has it.
    pub resolved: Option<Resolved>,
    /// The place of the original record.
    pub topic: String,
    pub partition: String,
    pub offset: String,
    /// The consumer group that failed to handle it.
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
pub enum StateName {
    Pending,
    Replayed,
    Discarded,
}

impl Filter {
    pub(super) fn matches(&self, queue: &DeadLetterQueue, Found { letter, .. }: &Found) -> bool {
        let kind = kind(queue, letter);
        let error = || letter.header(kafka::HEADER_ERROR).to_lowercase();
        self.topic.as_deref().is_none_or(|topic| topic == letter.origin())
            && self.kind.as_deref().is_none_or(|wanted| wanted == kind)
            && self.reason.as_deref().is_none_or(|reason| error().contains(&reason.to_lowercase()))
    }
}

impl DeadLetterQueue {
    /// Returns `limit` of the letters that match, after the first `skip`. Resolved ones count only if `all` is set.
    pub async fn page(&self, filter: &Filter, all: bool, skip: usize, limit: usize) -> anyhow::Result<Page> {
        let letters = self.letters(filter.topic.as_deref()).await?;
        let count = |name| letters.iter().filter(|found| StateName::from(&found.state) == name).count();
        let (pending, replayed) = (count(StateName::Pending), count(StateName::Replayed));
        let wanted = letters.iter().filter(|found| all || found.state == State::Pending);
        let matching: Vec<&Found> = wanted.filter(|found| filter.matches(self, found)).collect();
        let page = matching.iter().skip(skip).take(limit).map(|found| self.shown(found));
        Ok(Page {
            matching: matching.len(),
            pending,
            replayed,
            discarded: letters.len() - pending - replayed,
            letters: page.collect(),
        })
    }

    /// Returns a letter decoded.
    pub fn shown(&self, found: &Found) -> Letter {
        let Found { letter, state } = found;
        let (message, text) = (&letter.message, |name| letter.header(name).to_owned());
        let resolved = match state {
            State::Pending => None,
            State::Replayed(entry) | State::Discarded(entry) => {
                Some(Resolved { who: entry.who.clone(), at: entry.at, why: entry.why.clone() })
            }
        };
        Letter {
            id: letter.id.to_string(),
            at: letter.at,
            state: state.into(),
            resolved,
            topic: letter.origin().to_owned(),
            partition: text(kafka::HEADER_PARTITION),
            offset: text(kafka::HEADER_OFFSET),
            group: text(kafka::HEADER_GROUP),
            kind: kind(self, letter).to_owned(),
            error: text(kafka::HEADER_ERROR),
            attempts: text(kafka::HEADER_ATTEMPTS),
            key: shown(Some(message.key.as_slice()).filter(|_| !message.absent.key)),
            headers: message
                .headers
                .iter()
                .map(|(name, value)| (name.escape_debug().to_string(), shown(value)))
                .collect(),
            payload: payload(letter, &self.topics).to_string(),
        }
    }
}

/// Returns the event type of a letter: its header, or else that of its original topic.
fn kind<'a>(queue: &DeadLetterQueue, letter: &'a super::DeadLetter) -> &'a str {
    letter.message.headers.get("event-type").unwrap_or_else(|| queue.kind(letter))
}

impl From<&State> for StateName {
    fn from(state: &State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Replayed(_) => Self::Replayed,
            State::Discarded(_) => Self::Discarded,
        }
    }
}
