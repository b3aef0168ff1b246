//! The retry rule: decides after an attempt whether and when the notification is sent again.

use std::time::Duration;

use super::{MessengerError, Outcome, Outgoing};

/// Short, so that sending resumes soon after the messenger recovers.
const MAX_BACKOFF: Duration = Duration::from_secs(10);

impl Outgoing {
    /// Maps the result of the next attempt to its outcome.
    ///
    /// After an attempt without an answer, at most one more may reach the user. The sender waits with it until the
    /// messenger is stable.
    pub fn outcome(&self, result: Result<(), MessengerError>) -> Outcome {
        let Err(error) = result else { return Outcome::Sent };
        let problem = error.to_string();
        match error {
            MessengerError::RateLimited(after) => Outcome::Retry { after, problem, ambiguous: false },
            MessengerError::Unreachable(_) => {
                Outcome::Retry { after: backoff(self.due.attempts), problem, ambiguous: false }
            }
            MessengerError::Unknown(_) if !self.ambiguous => {
                Outcome::Retry { after: Duration::ZERO, problem, ambiguous: true }
            }
            MessengerError::Unknown(_) => Outcome::Failed { problem, ambiguous: true },
            MessengerError::Rejected(_) => Outcome::Failed { problem, ambiguous: false },
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
    use std::collections::HashMap;

    use contracts::ids::{OrderId, UserId};
    use proptest::prelude::*;
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;
    use crate::model::{Due, Kind, NotificationId};

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
                match outgoing.outcome(result.clone()) {
                    Outcome::Sent | Outcome::Skipped { .. } | Outcome::Failed { .. } => true,
                    Outcome::Retry { ambiguous, .. } => {
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
