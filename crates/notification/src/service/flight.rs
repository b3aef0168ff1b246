//! One notification's way: to find its chat, or to be handed over with its outcome written down.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use platform::{retry, telemetry};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::Templates;
use crate::{
    client::{Message, Notifier, Users},
    error::Error,
    model::{Due, Fault, Verdict},
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
    /// True while nothing new may be handed over.
    pub halted: AtomicBool,
}

/// How a flight ended, as far as it concerns others.
#[derive(Clone, Debug)]
pub enum Landing {
    Done,
    Addressed,
    UsersAway(String),
    ProviderBack,
    ProviderTroubled(String),
}

impl Courier {
    /// Takes a notification one step further, at `slot` or later.
    pub async fn fly(self: Arc<Self>, due: Due, slot: Instant) -> Landing {
        let span = tracing::info_span!("notify", otel.kind = "producer");
        telemetry::continue_trace(&span, &due.trace);
        async {
            match &due.chat {
                Some(chat) => self.tell(&due, chat, slot).await,
                None => self.address(&due).await,
            }
        }
        .instrument(span)
        .await
    }

    /// Finds out where a notification goes.
    async fn address(&self, due: &Due) -> Landing {
        let own = match self.users.chat(due.user).await {
            Ok(chat) => chat,
            Err(error) => return Landing::UsersAway(error.to_string()),
        };
        let Some(chat) = own.or_else(|| self.fallback.clone()) else {
            let problem = "the user has no telegram method, and TELEGRAM_CHAT_ID is not set".to_owned();
            self.settle(due, 0, Verdict::Failed { problem, ambiguous: false }).await;
            return Landing::Addressed;
        };
        match self.notifications.address(due.uuid, &chat).await {
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

    /// Hands a notification over. Before that it is noted that this is about to happen, so that a crash does not hide it.
    async fn tell(&self, due: &Due, chat: &str, slot: Instant) -> Landing {
        let text = match self.templates.notification(due.kind, due.order, &due.facts) {
            Ok(text) => text,
            Err(error) => {
                let problem = format!("its template: {error}");
                self.settle(due, due.attempts, Verdict::Failed { problem, ambiguous: false }).await;
                return Landing::Done;
            }
        };
        tokio::time::sleep_until(slot).await;
        if self.halted.load(Ordering::Acquire) {
            return Landing::Done;
        }
        match self.notifications.claim(due).await {
            Ok(true) => {}
            Ok(false) => return Landing::Done,
            Err(error) => return waits(error),
        }
        let message = Message { order: due.order, kind: due.kind, chat, text: &text };
        let outcome = self.notifier.send(&message).await;
        let landing = match &outcome {
            Err(fault @ (Fault::Unreachable(_) | Fault::Unknown(_))) => Landing::ProviderTroubled(fault.to_string()),
            _ => Landing::Done,
        };
        self.settle(due, due.attempts + 1, due.verdict(outcome)).await;
        landing
    }

    /// Writes an outcome down. One that cannot be written for long counts as unknown.
    async fn settle(&self, due: &Due, attempt: i32, verdict: Verdict) {
        report(due, &verdict);
        let mut pauses = retry::patient().take(WRITES);
        while let Err(error) = self.notifications.settle(due.uuid, attempt, &verdict).await {
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
