//! The way of notifications: to find their chat, or to be handed over with their outcome written down.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use platform::{retry, telemetry};
use tokio::time::Instant;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use super::{Templates, digest::Digest};
use crate::{
    client::{LONGEST_TEXT, Notifier, Users},
    error::Error,
    model::{Attempt, Batch, Due, Fault, Verdict},
    repository::Notifications,
};

/// A hand-over that has not ended after this long never will: whoever began it is dead or frozen.
pub const GIVE_UP: Duration = Duration::from_secs(8);
/// How often an outcome is written again when the database is away, about half a minute.
const WRITES: usize = 12;

/// What a flight needs.
pub struct Courier {
    pub notifications: Arc<dyn Notifications>,
    pub users: Arc<dyn Users>,
    pub notifier: Arc<dyn Notifier>,
    pub templates: Templates,
    /// For users without a chat of their own.
    pub fallback: Option<String>,
    /// How long the provider must have been well before anything is repeated; see [`STABLE_FOR`](super::STABLE_FOR).
    pub stable_for: Duration,
    /// True while nothing new may be handed over.
    pub halted: AtomicBool,
}

/// How a flight ended, as far as it concerns others.
#[derive(Clone, Debug)]
pub enum Landing {
    Done,
    /// The provider took the message, or refused it.
    Answered,
    Addressed,
    UsersAway(String),
    ProviderBack,
    ProviderTroubled(String),
}

impl Courier {
    /// Finds out where a user's notifications go.
    pub async fn address(self: Arc<Self>, user: Uuid, waiting: Vec<Due>) -> Landing {
        let span = waiting.first().map_or_else(Span::none, span);
        self.look_up(user, &waiting).instrument(span).await
    }

    async fn look_up(&self, user: Uuid, waiting: &[Due]) -> Landing {
        let own = match self.users.chat(user).await {
            Ok(chat) => chat,
            Err(error) => return Landing::UsersAway(error.to_string()),
        };
        let Some(chat) = own.or_else(|| self.fallback.clone()) else {
            let problem = "the user has no telegram method, and TELEGRAM_CHAT_ID is not set".to_owned();
            self.settle(waiting, Due::last_attempt, Verdict::Failed { problem, ambiguous: false }).await;
            return Landing::Addressed;
        };
        let uuids: Vec<Uuid> = waiting.iter().map(|due| due.uuid).collect();
        match self.notifications.address(&uuids, &chat).await {
            Ok(()) => Landing::Addressed,
            Err(error) => waits(error),
        }
    }

    /// Asks the provider how it is.
    pub async fn probe(&self) -> Landing {
        match self.notifier.probe().await {
            Ok(()) => Landing::ProviderBack,
            Err(fault) => Landing::ProviderTroubled(fault.to_string()),
        }
    }

    /// Hands over what waits for a chat, as far as it fits into one message, at `slot` or later.
    pub async fn tell(self: Arc<Self>, batch: Batch, slot: Instant) -> Landing {
        let Some(digest) = self.compose(batch).await else { return Landing::Done };
        // Each of them is a step of its own order's trace; the call is shown in the first's.
        let spans: Vec<Span> = digest.batch.waiting.iter().map(span).collect();
        let first = spans.first().cloned().unwrap_or_else(Span::none);
        self.hand_over(&digest, slot).instrument(first).await
    }

    /// Puts a batch into words. What cannot be put into words is given up.
    async fn compose(&self, batch: Batch) -> Option<Digest> {
        let mut worded = Vec::with_capacity(batch.waiting.len());
        for due in batch.waiting {
            match self.templates.notification(due.kind, due.order, &due.facts) {
                Ok(text) => worded.push((due, text)),
                Err(error) => {
                    let problem = format!("its template: {error}");
                    self.settle(&[due], Due::last_attempt, Verdict::Failed { problem, ambiguous: false }).await;
                }
            }
        }
        Digest::of(batch.chat, batch.ambiguous, worded, LONGEST_TEXT)
    }

    /// Before a message is handed over it is noted that this is about to happen, so that a crash does not hide it.
    async fn hand_over(&self, digest: &Digest, slot: Instant) -> Landing {
        tokio::time::sleep_until(slot).await;
        if self.halted.load(Ordering::Acquire) {
            return Landing::Done;
        }
        let batch = &digest.batch;
        match self.notifications.claim(batch).await {
            Ok(true) => {}
            Ok(false) => return Landing::Done,
            Err(error) => return waits(error),
        }
        let outcome = self.notifier.send(&digest.message()).await;
        let landing = match &outcome {
            Err(fault @ (Fault::Unreachable(_) | Fault::Unknown(_))) => Landing::ProviderTroubled(fault.to_string()),
            _ => Landing::Answered,
        };
        self.settle(&batch.waiting, Due::next_attempt, batch.verdict(outcome, self.stable_for)).await;
        landing
    }

    /// Writes an outcome down. One that cannot be written for long counts as unknown.
    async fn settle(&self, told: &[Due], attempt: fn(&Due) -> Attempt, verdict: Verdict) {
        for due in told {
            report(due, &verdict);
        }
        let attempts: Vec<Attempt> = told.iter().map(attempt).collect();
        let mut pauses = retry::patient().take(WRITES);
        while let Err(error) = self.notifications.settle(&attempts, &verdict).await {
            let error = format!("{:#}", anyhow::Error::from(error));
            match pauses.next() {
                Some(pause) => {
                    tracing::warn!(error, "an outcome waits to be written");
                    tokio::time::sleep(pause).await;
                }
                None => return tracing::error!(error, "an outcome is lost and will count as unknown"),
            }
        }
    }
}

fn span(due: &Due) -> Span {
    let span = tracing::info_span!("notify", otel.kind = "producer");
    telemetry::continue_trace(&span, &due.trace);
    span
}

fn waits(error: Error) -> Landing {
    tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "a notification waits");
    Landing::Done
}

fn report(due: &Due, verdict: &Verdict) {
    let (order_uuid, kind) = (due.order, due.kind.as_str());
    match verdict {
        Verdict::Sent => {
            tracing::info!(%order_uuid, kind, "told a user");
            metrics::counter!("notifications_sent_total", "kind" => kind).increment(1);
        }
        Verdict::Failed { problem, .. } => {
            tracing::warn!(%order_uuid, kind, problem, "a notification is given up");
            metrics::counter!("notifications_failed_total", "kind" => kind).increment(1);
        }
        Verdict::Again { after, problem, .. } => {
            tracing::info!(%order_uuid, kind, problem, ?after, "a notification is sent again later");
            metrics::counter!("notification_retries_total", "kind" => kind).increment(1);
        }
    }
}
