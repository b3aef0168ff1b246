//! What users are told, and what becomes of a message that was handed to the provider.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

/// The longest pause between two attempts: a provider that is back is used soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    OrderPaid,
    ShipAssembled,
    OrderCancelled,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::OrderPaid, Self::ShipAssembled, Self::OrderCancelled];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderPaid => "order_paid",
            Self::ShipAssembled => "ship_assembled",
            Self::OrderCancelled => "order_cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// ```text
/// Queued ──taken by the provider──▶ Sent
///    └──refused, or twice without an answer──▶ Failed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Queued,
    Sent,
    Failed,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Sent, Self::Failed].into_iter().find(|status| status.as_str() == text)
    }
}

/// What a user is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct NewNotification {
    pub uuid: Uuid,
    pub order: Uuid,
    pub user: Uuid,
    pub kind: Kind,
    /// What the template may say.
    pub facts: Value,
}

/// A notification as those who ask see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub uuid: Uuid,
    pub order: Uuid,
    pub user: Uuid,
    pub kind: Kind,
    pub status: Status,
    /// How often it was handed to the provider.
    pub attempts: i32,
    /// True when a hand-over ended without an answer, so that the message may have arrived twice.
    pub ambiguous: bool,
    pub created_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
}

/// A notification that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub uuid: Uuid,
    pub order: Uuid,
    pub user: Uuid,
    pub kind: Kind,
    pub facts: Value,
    pub trace: HashMap<String, String>,
    /// Hand-overs so far.
    pub attempts: i32,
}

/// What waits for one chat, oldest first. As much of it as fits into one message goes out together, as a digest.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub chat: String,
    /// True for the repeat of a hand-over that ended without an answer, which is the last that may reach the user. A batch
    /// never mixes the two.
    pub ambiguous: bool,
    pub waiting: Vec<Due>,
}

/// A hand-over of one notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub notification: Uuid,
    /// 0 is before the first.
    pub number: i32,
}

/// Why the provider has not said that it took a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the provider wants nothing more for {0:?}")]
    TooMany(Duration),
    /// It never will: the user blocked the bot, there is no such chat.
    #[error("refused: {0}")]
    Refused(String),
    /// It has not got the message, and may take it later.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// It may have got the message.
    #[error("no answer: {0}")]
    Unknown(String),
}

/// What is written after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Sent,
    Failed { problem: String, ambiguous: bool },
    Again { after: Duration, problem: String, ambiguous: bool },
}

impl Due {
    /// The hand-over that it has behind it; 0 where there was none.
    pub fn last_attempt(&self) -> Attempt {
        Attempt { notification: self.uuid, number: self.attempts }
    }

    /// The hand-over that follows.
    pub fn next_attempt(&self) -> Attempt {
        Attempt { notification: self.uuid, number: self.attempts + 1 }
    }
}

impl Batch {
    /// What becomes of all of it after the hand-over that follows the attempts so far: one outcome for one message.
    ///
    /// An end without an answer may be followed by one more hand-over that could reach the user, after `stable_for` at the
    /// soonest, and no third.
    pub fn verdict(&self, outcome: Result<(), Fault>, stable_for: Duration) -> Verdict {
        let Err(fault) = outcome else { return Verdict::Sent };
        let problem = fault.to_string();
        let attempts = self.waiting.iter().map(|due| due.attempts).max().unwrap_or_default();
        match fault {
            Fault::TooMany(after) => Verdict::Again { after, problem, ambiguous: false },
            Fault::Unreachable(_) => Verdict::Again { after: pause(attempts), problem, ambiguous: false },
            Fault::Unknown(_) if !self.ambiguous => Verdict::Again { after: stable_for, problem, ambiguous: true },
            Fault::Unknown(_) => Verdict::Failed { problem, ambiguous: true },
            Fault::Refused(_) => Verdict::Failed { problem, ambiguous: false },
        }
    }
}

/// One second, doubled with each attempt.
fn pause(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or_default().min(5);
    Duration::from_secs(1 << doublings).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn batch() -> Batch {
        let due = Due {
            uuid: Uuid::from_u128(1),
            order: Uuid::from_u128(2),
            user: Uuid::from_u128(3),
            kind: Kind::OrderPaid,
            facts: Value::Null,
            trace: HashMap::new(),
            attempts: 0,
        };
        Batch { chat: "chat".to_owned(), ambiguous: false, waiting: vec![due] }
    }

    fn fault() -> impl Strategy<Value = Fault> {
        prop_oneof![
            (0..100_u64).prop_map(|seconds| Fault::TooMany(Duration::from_secs(seconds))),
            Just(Fault::Refused("blocked".to_owned())),
            Just(Fault::Unreachable("down".to_owned())),
            Just(Fault::Unknown("silent".to_owned())),
        ]
    }

    #[test]
    fn kinds_and_statuses_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        for status in [Status::Queued, Status::Sent, Status::Failed] {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        assert_eq!(pause(0), Duration::from_secs(1));
        assert_eq!(pause(2), Duration::from_secs(4));
        assert_eq!(pause(i32::MAX), LONGEST_PAUSE);
    }

    proptest! {
        /// Whatever happens in whatever order: at most one hand-over without an answer is followed by another one.
        #[test]
        fn a_user_is_told_at_most_once_more(faults in prop::collection::vec(fault(), 0..30)) {
            let mut batch = batch();
            let mut maybe_told = 0;
            let mut outcomes = faults.into_iter().map(Err).chain([Ok(())]);
            let ended = outcomes.find(|outcome| {
                maybe_told += u32::from(matches!(outcome, Ok(()) | Err(Fault::Unknown(_))));
                batch.waiting[0].attempts += 1;
                match batch.verdict(outcome.clone(), Duration::ZERO) {
                    Verdict::Sent | Verdict::Failed { .. } => true,
                    Verdict::Again { ambiguous, .. } => {
                        batch.ambiguous |= ambiguous;
                        false
                    }
                }
            });

            prop_assert!(ended.is_some());
            prop_assert!(maybe_told <= 1 + u32::from(batch.ambiguous));
            prop_assert!(maybe_told <= 2);
        }
    }
}
