//! The dispatcher: finds the chat of a user's notifications, hands a chat's batch to the messenger, and records the outcome.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use contracts::ids::UserId;
use platform::{error_chain, retry};
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use super::{
    Templates,
    delivery_attempt::{AttemptResult, left_queued, report, span},
    digest::Digest,
};
use crate::{
    client::{MAX_TEXT_LENGTH, Notifier, Users},
    model::{Attempt, Batch, Due, MessengerError, NotificationId, Outcome},
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
    /// True while no new attempt may begin: from a failure of the provider until a probe succeeds, and while the provider limits the bot.
    pub halted: AtomicBool,
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
            return AttemptResult::ChatFound(None);
        }
        let Some(chat) = own.map(|contact| contact.chat).or_else(|| self.fallback_chat.clone()) else {
            let problem = "the user has no telegram method, and TELEGRAM_CHAT_ID is not set".to_owned();
            self.settle(&waiting, Due::last_attempt, Outcome::Failed { problem, ambiguous: false }).await;
            return AttemptResult::ChatFound(None);
        };
        AttemptResult::ChatFound(Some(Batch { chat, ambiguous: false, waiting }))
    }

    /// Stores the chat of notifications that cannot be sent at once.
    pub async fn set_chat(self: Arc<Self>, batch: Batch) -> AttemptResult {
        let ids: Vec<NotificationId> = batch.waiting.iter().map(|due| due.id).collect();
        match self.notifications.set_chat(&ids, &batch.chat).await {
            Ok(()) => AttemptResult::Done,
            Err(error) => left_queued(error),
        }
    }

    pub async fn probe(&self) -> AttemptResult {
        match self.notifier.probe().await {
            Ok(()) => AttemptResult::ProviderRecovered,
            Err(error) => AttemptResult::ProviderUnavailable(error.to_string()),
        }
    }

    /// Sends as much of a batch as fits into one message, at `slot` or later.
    pub async fn send(self: Arc<Self>, batch: Batch, slot: Instant) -> AttemptResult {
        let Some(digest) = self.compose(batch).await else { return AttemptResult::Done };
        // Each notification has a span in its own order's trace. The call to the messenger appears in the first one's.
        let spans: Vec<Span> = digest.batch.waiting.iter().map(span).collect();
        let first = spans.first().cloned().unwrap_or_else(Span::none);
        self.attempt(&digest, slot).instrument(first).await
    }

    /// Renders a batch. A notification that cannot be rendered fails.
    async fn compose(&self, batch: Batch) -> Option<Digest> {
        let mut rendered = Vec::with_capacity(batch.waiting.len());
        for due in batch.waiting {
            match self.templates.notification(due.kind, due.order, &due.facts) {
                Ok(text) => rendered.push((due, text)),
                Err(error) => {
                    let problem = format!("its template: {error}");
                    self.settle(&[due], Due::last_attempt, Outcome::Failed { problem, ambiguous: false }).await;
                }
            }
        }
        Digest::from_rendered(batch.chat, batch.ambiguous, rendered, MAX_TEXT_LENGTH)
    }

    /// Records the attempt before the call to the messenger, so that it is known even if this replica crashes.
    async fn attempt(&self, digest: &Digest, slot: Instant) -> AttemptResult {
        tokio::time::sleep_until(slot).await;
        if self.halted.load(Ordering::Acquire) {
            return AttemptResult::Done;
        }
        let batch = &digest.batch;
        match self.notifications.claim(batch).await {
            Ok(true) => {}
            Ok(false) => return AttemptResult::Done,
            Err(error) => return left_queued(error),
        }
        let sent = self.notifier.send(&digest.message()).await;
        let result = match &sent {
            Err(error @ (MessengerError::Unreachable(_) | MessengerError::Unknown(_))) => {
                AttemptResult::ProviderUnavailable(error.to_string())
            }
            Err(MessengerError::RateLimited(pause)) => AttemptResult::RateLimited(*pause),
            Ok(()) | Err(MessengerError::Rejected(_)) => AttemptResult::Answered,
        };
        self.settle(&batch.waiting, Due::next_attempt, batch.outcome(sent, self.stable_for)).await;
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
