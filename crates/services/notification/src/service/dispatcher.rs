//! The dispatcher: finds the chat of a user's notifications, hands a notification to the messenger, and records the
//! outcome.

use std::{sync::Arc, time::Duration};

use contracts::ids::UserId;
use platform::{
    circuit_breaker::{self, Permit},
    error_chain, retry,
};
use tracing::{Instrument as _, Span};

use super::{
    Templates,
    delivery_attempt::{AttemptResult, left_queued, report, span},
};
use crate::{
    client::{Message, Notifier, Users},
    model::{Attempt, Due, MessengerError, NotificationId, Outcome, Outgoing},
    repository::Notifications,
};

/// An attempt without an outcome after this time expires: its replica has crashed or is frozen.
pub const ATTEMPT_EXPIRY: Duration = Duration::from_secs(8);
/// The maximum number of retries to write an outcome while the database is unavailable: about half a minute in all.
const MAX_WRITE_RETRIES: usize = 12;

pub struct Dispatcher {
    pub notifications: Arc<dyn Notifications>,
    pub users: Arc<dyn Users>,
    pub notifier: Arc<dyn Notifier>,
    pub templates: Templates,
    /// The chat for users who have no `telegram` method.
    pub fallback_chat: Option<String>,
    /// Whether users whose contact is not confirmed are notified.
    pub writes_to_unconfirmed: bool,
    /// How long the provider must have answered without a failure before an unanswered message is repeated; see
    /// [`STABLE_FOR`](super::STABLE_FOR).
    pub stable_for: Duration,
}

impl Dispatcher {
    pub async fn find_chat(self: Arc<Self>, user: UserId, waiting: Vec<Due>) -> AttemptResult {
        let span = waiting.first().map_or_else(Span::none, span);
        self.look_up(user, waiting).instrument(span).await
    }

    async fn look_up(&self, user: UserId, waiting: Vec<Due>) -> AttemptResult {
        let own = match self.users.contact(user).await {
            Ok(contact) => contact,
            Err(error) => return AttemptResult::UsersUnavailable(error.to_string()),
        };
        if own.as_ref().is_some_and(|contact| !contact.is_confirmed) && !self.writes_to_unconfirmed {
            // The chat may belong to a stranger. The fallback chat is only for users without a contact.
            let problem = "the user's Telegram contact is not confirmed".to_owned();
            self.settle(&waiting, Due::last_attempt, Outcome::Skipped { problem }).await;
            return AttemptResult::Done;
        }
        let Some(chat) = own.map(|contact| contact.chat).or_else(|| self.fallback_chat.clone()) else {
            let problem = "the user has no telegram method, and TELEGRAM_CHAT_ID is not set".to_owned();
            self.settle(&waiting, Due::last_attempt, Outcome::Failed { problem, ambiguous: false }).await;
            return AttemptResult::Done;
        };
        AttemptResult::ChatFound { chat, waiting }
    }

    /// Stores the chat of notifications that cannot be sent at once.
    pub async fn set_chat(self: Arc<Self>, waiting: Vec<NotificationId>, chat: String) -> AttemptResult {
        match self.notifications.set_chat(&waiting, &chat).await {
            Ok(()) => AttemptResult::Done,
            Err(error) => left_queued(error),
        }
    }

    pub async fn probe(&self) -> AttemptResult {
        match self.notifier.probe().await {
            Ok(()) => AttemptResult::Answered,
            Err(_) => AttemptResult::ProviderUnavailable,
        }
    }

    /// Sends a notification. One that cannot be rendered fails.
    pub async fn send(self: Arc<Self>, outgoing: Outgoing, permit: Permit) -> AttemptResult {
        let due = &outgoing.due;
        match self.templates.notification(due.kind, due.order, &due.facts) {
            Ok(text) => self.attempt(&outgoing, &text, permit).instrument(span(due)).await,
            Err(error) => {
                let problem = format!("its template: {error}");
                let outcome = Outcome::Failed { problem, ambiguous: false };
                self.settle(std::slice::from_ref(due), Due::last_attempt, outcome).await;
                AttemptResult::Done
            }
        }
    }

    /// Records the attempt before the call to the messenger, so that it is known even if this replica crashes.
    async fn attempt(&self, outgoing: &Outgoing, text: &str, permit: Permit) -> AttemptResult {
        match self.notifications.claim(outgoing).await {
            Ok(true) => {}
            Ok(false) => return AttemptResult::Done,
            Err(error) => return left_queued(error),
        }
        let due = &outgoing.due;
        let sent = self.notifier.send(&Message { chat: &outgoing.chat, order: due.order, kind: due.kind, text }).await;
        let (result, answer) = match &sent {
            Err(MessengerError::Unreachable(_) | MessengerError::Unknown(_)) => {
                (AttemptResult::ProviderUnavailable, circuit_breaker::Outcome::Failed)
            }
            // A limit is an answer, but shows nothing about other chats.
            Err(MessengerError::RateLimited(_)) => (AttemptResult::Done, circuit_breaker::Outcome::Answered),
            Ok(()) | Err(MessengerError::Rejected(_)) => (AttemptResult::Answered, circuit_breaker::Outcome::Answered),
        };
        permit.end(answer);
        let outcome = outgoing.outcome(sent);
        self.settle(std::slice::from_ref(due), Due::next_attempt, outcome).await;
        result
    }

    /// Records an outcome. If that fails until the attempt expires, the attempt counts as unanswered.
    async fn settle(&self, settled: &[Due], attempt: fn(&Due) -> Attempt, outcome: Outcome) {
        for due in settled {
            report(due.order, due.kind, &outcome);
        }
        let attempts: Vec<Attempt> = settled.iter().map(attempt).collect();
        let mut pauses = retry::endless_backoff().take(MAX_WRITE_RETRIES);
        while let Err(error) = self.notifications.settle(&attempts, &outcome).await {
            let error = error_chain(error);
            match pauses.next() {
                Some(pause) => {
                    tracing::warn!(error, "database unavailable, retrying to write the outcome of an attempt");
                    tokio::time::sleep(pause).await;
                }
                None => return tracing::error!(error, "outcome of an attempt lost, it will count as unknown"),
            }
        }
    }
}
