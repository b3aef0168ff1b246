//! The dispatcher: finds the chat of a user's notifications, hands a notification to the messenger, and records, logs
//! and counts the outcome.

use std::{sync::Arc, time::Duration};

use contracts::ids::{OrderId, UserId};
use platform::{
    circuit_breaker::{self, Permit},
    error_chain, retry, telemetry,
};
use tracing::{Instrument as _, Span};

use super::Templates;
use crate::{
    client::{Message, Notifier, Users},
    error::Error,
    metrics,
    model::{Attempt, AttemptOutcome, Due, Kind, MessengerError, NotificationId, Outgoing},
    repository::PgNotifications,
};

/// An attempt without an outcome after this time expires: its replica has crashed or is frozen.
pub const ATTEMPT_EXPIRY: Duration = Duration::from_secs(8);
/// The delay before the retry of a message without a response, so that the messenger has recovered from most failures.
pub const AMBIGUOUS_RETRY_DELAY: Duration = Duration::from_mins(1);
/// The maximum number of retries to write an outcome while the database is unavailable: about half a minute in all.
const MAX_WRITE_RETRIES: usize = 12;

pub struct Dispatcher {
    pub notifications: PgNotifications,
    pub users: Arc<dyn Users>,
    pub notifier: Arc<dyn Notifier>,
    pub templates: Templates,
    /// The chat for users who have no `telegram` method.
    pub fallback_chat: Option<String>,
    /// True if users whose contact is not confirmed are notified.
    pub writes_to_unconfirmed: bool,
    /// The delay before the retry of a message without a response, [`AMBIGUOUS_RETRY_DELAY`] in production.
    pub ambiguous_retry_delay: Duration,
}

impl Dispatcher {
    pub async fn find_chat(self: Arc<Self>, user: UserId, waiting: Vec<Due>) -> LookUp {
        let span = waiting.first().map_or_else(Span::none, span);
        self.look_up(user, waiting).instrument(span).await
    }

    async fn look_up(&self, user: UserId, waiting: Vec<Due>) -> LookUp {
        let own = match self.users.contact(user).await {
            Ok(contact) => contact,
            Err(error) => return LookUp::Unavailable(error.to_string()),
        };
        if own.as_ref().is_some_and(|contact| !contact.is_confirmed) && !self.writes_to_unconfirmed {
            // The chat may belong to a stranger. The fallback chat is only for users without a contact.
            let problem = "the user's Telegram contact is not confirmed".to_owned();
            self.settle(&waiting, Due::last_attempt, AttemptOutcome::Skipped { problem }).await;
            return LookUp::Ended;
        }
        let Some(chat) = own.map(|contact| contact.chat).or_else(|| self.fallback_chat.clone()) else {
            let problem = "the user has no telegram method, and TELEGRAM_CHAT_ID is not set".to_owned();
            self.settle(&waiting, Due::last_attempt, AttemptOutcome::Failed { problem, ambiguous: false }).await;
            return LookUp::Ended;
        };
        LookUp::Found { chat, waiting }
    }

    /// Stores the chat of notifications that cannot be sent at once.
    pub async fn set_chat(self: Arc<Self>, waiting: Vec<NotificationId>, chat: String) {
        if let Err(error) = self.notifications.set_chat(&waiting, &chat).await {
            left_queued(error);
        }
    }

    /// Sends a notification. One that cannot be rendered fails.
    pub async fn send(self: Arc<Self>, outgoing: Outgoing, permit: Permit) {
        let due = &outgoing.due;
        match self.templates.notification(due.kind, due.order, &due.facts) {
            Ok(text) => self.attempt(&outgoing, &text, permit).instrument(span(due)).await,
            Err(error) => {
                let problem = format!("its template: {error}");
                let outcome = AttemptOutcome::Failed { problem, ambiguous: false };
                self.settle(std::slice::from_ref(due), Due::last_attempt, outcome).await;
            }
        }
    }

    /// Records the attempt before the call to the messenger, so that it is known even if this replica crashes. The
    /// retry of an ambiguous notification is the last attempt, so it waits until the messenger responds.
    async fn attempt(&self, outgoing: &Outgoing, text: &str, permit: Permit) {
        if outgoing.ambiguous && self.notifier.probe().await.is_err() {
            return permit.end(circuit_breaker::CallOutcome::Failed);
        }
        match self.notifications.claim(outgoing).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return left_queued(error),
        }
        let due = &outgoing.due;
        let sent = self.notifier.send(&Message { chat: &outgoing.chat, order: due.order, kind: due.kind, text }).await;
        permit.end(match &sent {
            Err(MessengerError::Unreachable(_) | MessengerError::Unknown(_)) => circuit_breaker::CallOutcome::Failed,
            Ok(()) | Err(MessengerError::Rejected(_) | MessengerError::RateLimited(_)) => {
                circuit_breaker::CallOutcome::Answered
            }
        });
        let outcome = outgoing.outcome(sent, self.ambiguous_retry_delay);
        self.settle(std::slice::from_ref(due), Due::next_attempt, outcome).await;
    }

    /// Records an outcome. If that fails until the attempt expires, it counts as one without a response.
    async fn settle(&self, settled: &[Due], attempt: fn(&Due) -> Attempt, outcome: AttemptOutcome) {
        for due in settled {
            report(due.order, due.kind, &outcome);
        }
        let attempts: Vec<Attempt> = settled.iter().map(attempt).collect();
        let mut backoff = retry::endless_backoff().take(MAX_WRITE_RETRIES);
        while let Err(error) = self.notifications.settle(&attempts, &outcome).await {
            let error = error_chain(error);
            match backoff.next() {
                Some(delay) => {
                    tracing::warn!(error, "database unavailable, retrying to write the outcome of an attempt");
                    tokio::time::sleep(delay).await;
                }
                None => return tracing::error!(error, "outcome of an attempt lost, it will count as unknown"),
            }
        }
    }
}

/// The result of looking up the chat of a user's notifications.
pub enum LookUp {
    Found {
        chat: String,
        waiting: Vec<Due>,
    },
    /// The notifications have ended.
    Ended,
    Unavailable(String),
}

/// Logs a database error after which the notification stays queued.
fn left_queued(error: Error) {
    tracing::warn!(error = error_chain(error), "database unavailable, notification stays queued");
}

/// Continues the trace of the notification's order.
fn span(due: &Due) -> Span {
    let span = tracing::info_span!("notify", otel.kind = "producer");
    telemetry::continue_trace(&span, &due.trace);
    span
}

/// Logs and counts the outcome of one notification.
pub fn report(order: OrderId, kind: Kind, outcome: &AttemptOutcome) {
    let (order_uuid, name) = (order, kind.as_str());
    match outcome {
        AttemptOutcome::Sent => {
            tracing::info!(%order_uuid, kind = name, "notification sent");
            metrics::sent(kind);
        }
        AttemptOutcome::Skipped { problem } => {
            tracing::info!(%order_uuid, kind = name, problem, "notification skipped");
            metrics::skipped(kind);
        }
        AttemptOutcome::Failed { problem, .. } => {
            tracing::warn!(%order_uuid, kind = name, problem, "notification failed");
            metrics::failed(kind);
        }
        AttemptOutcome::Retry { after, problem, .. } => {
            tracing::info!(%order_uuid, kind = name, problem, ?after, "retrying notification");
            metrics::retried(kind);
        }
    }
}
