//! The attempts to send queued notifications, their outcomes, and the rule by which they are retried.

use std::{collections::HashMap, time::Duration};

use contracts::ids::{OrderId, UserId};
use serde_json::Value;

use super::{Kind, NotificationId};

/// A queued notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub id: NotificationId,
    pub order: OrderId,
    pub user: UserId,
    pub kind: Kind,
    pub facts: Value,
    pub trace: HashMap<String, String>,
    pub attempts: i32,
}

impl Due {
    /// The number is 0 if there was no attempt.
    pub fn last_attempt(&self) -> Attempt {
        Attempt { notification: self.id, number: self.attempts }
    }

    pub fn next_attempt(&self) -> Attempt {
        Attempt { notification: self.id, number: self.attempts + 1 }
    }
}

/// A queued notification and the chat to which it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    pub chat: String,
    /// True if the previous attempt had no response; then the next attempt is the last.
    pub ambiguous: bool,
    pub due: Due,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub notification: NotificationId,
    /// Counts from 1; 0 means that no attempt was made.
    pub number: i32,
}

/// A notification whose attempt expired, because its replica has crashed or is frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    pub order: OrderId,
    pub kind: Kind,
    /// True if an earlier attempt had no response either: this one was then the last.
    pub is_given_up: bool,
}

impl Expired {
    /// The problem that is stored with the notification.
    pub const PROBLEM: &str = "the attempt expired without an outcome";

    pub fn outcome(&self) -> AttemptOutcome {
        let problem = Self::PROBLEM.to_owned();
        if self.is_given_up {
            AttemptOutcome::Failed { problem, ambiguous: true }
        } else {
            AttemptOutcome::Retry { after: Duration::ZERO, problem, ambiguous: true }
        }
    }
}

/// The outcome of an attempt for a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    Sent,
    /// Deliberately not sent; stored as failed.
    Skipped {
        problem: String,
    },
    Failed {
        problem: String,
        ambiguous: bool,
    },
    Retry {
        after: Duration,
        problem: String,
        ambiguous: bool,
    },
}

/// Each variant says if the message may have arrived, and if a retry can help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessengerError {
    /// The message was not accepted; the messenger asks for this delay.
    #[error("rate limited for {0:?}")]
    RateLimited(Duration),
    /// Permanent: the user blocked the bot, or the chat does not exist.
    #[error("rejected: {0}")]
    Rejected(String),
    /// The message was not accepted; a retry may succeed.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The message may have been accepted.
    #[error("no response: {0}")]
    Unknown(String),
}

/// Short, so that sending resumes soon after the messenger recovers.
const MAX_BACKOFF: Duration = Duration::from_secs(10);

impl Outgoing {
    /// Maps the result of the next attempt to its outcome.
    ///
    /// After an attempt without a response, at most one more may reach the user. It is made after
    /// `ambiguous_retry_delay`, so that the messenger has time to recover.
    pub fn outcome(&self, result: Result<(), MessengerError>, ambiguous_retry_delay: Duration) -> AttemptOutcome {
        let Err(error) = result else { return AttemptOutcome::Sent };
        let problem = error.to_string();
        match error {
            MessengerError::RateLimited(after) => AttemptOutcome::Retry { after, problem, ambiguous: false },
            MessengerError::Unreachable(_) => {
                AttemptOutcome::Retry { after: backoff(self.due.attempts), problem, ambiguous: false }
            }
            MessengerError::Unknown(_) if !self.ambiguous => {
                AttemptOutcome::Retry { after: ambiguous_retry_delay, problem, ambiguous: true }
            }
            MessengerError::Unknown(_) => AttemptOutcome::Failed { problem, ambiguous: true },
            MessengerError::Rejected(_) => AttemptOutcome::Failed { problem, ambiguous: false },
        }
    }
}

/// One second, doubled with each attempt, up to [`MAX_BACKOFF`].
fn backoff(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or_default().min(5);
    Duration::from_secs(1 << doublings).min(MAX_BACKOFF)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn outgoing() -> Outgoing {
        let due = Due {
            id: NotificationId::new(Uuid::from_u128(1)),
            order: OrderId::new(Uuid::from_u128(2)),
            user: UserId::new(Uuid::from_u128(3)),
            kind: Kind::OrderPaid,
            facts: Value::Null,
            trace: HashMap::new(),
            attempts: 0,
        };
        Outgoing { chat: "chat".to_owned(), ambiguous: false, due }
    }

    fn error() -> impl Strategy<Value = MessengerError> {
        prop_oneof![
            (0..100_u64).prop_map(|seconds| MessengerError::RateLimited(Duration::from_secs(seconds))),
            Just(MessengerError::Rejected("blocked".to_owned())),
            Just(MessengerError::Unreachable("down".to_owned())),
            Just(MessengerError::Unknown("silent".to_owned())),
        ]
    }

    proptest! {
        /// For every sequence of errors, at most two attempts may have reached the user.
        #[test]
        fn a_user_is_notified_at_most_once_more(errors in prop::collection::vec(error(), 0..30)) {
            let mut outgoing = outgoing();
            let mut may_have_arrived = 0;
            let mut results = errors.into_iter().map(Err).chain([Ok(())]);
            let ended = results.find(|result| {
                may_have_arrived += u32::from(matches!(result, Ok(()) | Err(MessengerError::Unknown(_))));
                outgoing.due.attempts += 1;
                match outgoing.outcome(result.clone(), Duration::ZERO) {
                    AttemptOutcome::Sent | AttemptOutcome::Skipped { .. } | AttemptOutcome::Failed { .. } => true,
                    AttemptOutcome::Retry { ambiguous, .. } => {
                        outgoing.ambiguous |= ambiguous;
                        false
                    }
                }
            });

            prop_assert!(ended.is_some());
            prop_assert!(may_have_arrived <= 1 + u32::from(outgoing.ambiguous));
            prop_assert!(may_have_arrived <= 2);
        }
    }
}
