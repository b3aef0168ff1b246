//! Dead letters, and what a replay of them would do.

use chrono::{DateTime, Utc};
use contracts::proto::operations::v1;
use platform::grpc::time;
use serde::Serialize;

use super::action::Now;

/// A page of dead letters, and the action that replays or discards them.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    pub page: LetterPage,
    /// The result of the action is a list of sentences.
    pub work: Now<Vec<String>>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LetterPage {
    /// The number of letters that match.
    pub matching: usize,
    /// When the newest letter that matches was dead-lettered.
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
    /// When the message was dead-lettered.
    pub at: DateTime<Utc>,
    /// `pending`, as every letter of a page. Programs read this member, and `resolved`, which is null.
    state: &'static str,
    resolved: (),
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

/// The effects that a replay would have.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The messages that would be published. A message that several consumers dead-lettered is published once.
    pub messages: usize,
    /// The letters that these messages resolve.
    pub letters: usize,
    /// The messages that no consumer can decode: each becomes a dead letter again.
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
    /// When the newest of the chosen letters was dead-lettered.
    pub newest: Option<DateTime<Utc>>,
}

/// A message that would be a dead letter again.
#[derive(Clone, Debug, Serialize)]
pub struct Poison {
    /// The id of its first dead letter.
    pub letter: String,
    pub reason: String,
}

fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl From<v1::ListDeadLettersResponse> for DeadLetters {
    fn from(found: v1::ListDeadLettersResponse) -> Self {
        let v1::ListDeadLettersResponse { matching, newest, pending, replayed, discarded, letters, work } = found;
        let page = LetterPage {
            matching: size(matching),
            newest: newest.as_ref().and_then(time),
            pending: size(pending),
            replayed: size(replayed),
            discarded: size(discarded),
            letters: letters.into_iter().map(Letter::from).collect(),
        };
        Self { page, work: work.unwrap_or_default().into() }
    }
}

impl From<v1::DeadLetter> for Letter {
    fn from(letter: v1::DeadLetter) -> Self {
        Self {
            id: letter.id,
            at: letter.at.as_ref().and_then(time).unwrap_or_default(),
            state: "pending",
            resolved: (),
            topic: letter.topic,
            partition: letter.partition,
            offset: letter.offset,
            group: letter.group,
            kind: letter.kind,
            error: letter.error,
            attempts: letter.attempts,
            key: letter.key,
            headers: letter.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            payload: letter.payload,
        }
    }
}

impl From<v1::PlanReplayResponse> for Plan {
    fn from(plan: v1::PlanReplayResponse) -> Self {
        let poison = plan.poison.into_iter().map(|v1::Poison { letter, reason }| Poison { letter, reason });
        Self {
            messages: size(plan.messages),
            letters: size(plan.letters),
            poison: poison.collect(),
            from_outside: size(plan.from_outside),
            discarded: size(plan.discarded),
            late: size(plan.late),
            truncated: size(plan.truncated),
            newest: plan.newest.as_ref().and_then(time),
        }
    }
}
