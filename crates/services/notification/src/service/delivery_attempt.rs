//! The result of one attempt to deliver notifications, and its log lines and metrics.

use std::time::Duration;

use contracts::ids::OrderId;
use platform::{error_chain, telemetry};
use tracing::Span;

use crate::{
    error::Error,
    metrics,
    model::{Batch, Due, Kind, Outcome},
};

/// What one attempt has shown about the health of iam and the messenger.
#[derive(Clone, Debug)]
pub enum AttemptResult {
    /// The attempt has shown nothing about either.
    Done,
    /// The messenger accepted or rejected the message.
    Answered,
    /// The messenger asks for this pause.
    RateLimited(Duration),
    /// iam answered. Has the user's batch with its chat, or `None` if its notifications have failed.
    ChatFound(Option<Batch>),
    UsersUnavailable(String),
    ProviderRecovered,
    ProviderUnavailable(String),
}

/// Logs a database error after which the notification stays queued.
pub fn left_queued(error: Error) -> AttemptResult {
    tracing::warn!(error = error_chain(error), "database unavailable, notification stays queued");
    AttemptResult::Done
}

/// Continues the trace of the notification's order.
pub fn span(due: &Due) -> Span {
    let span = tracing::info_span!("notify", otel.kind = "producer");
    telemetry::continue_trace(&span, &due.trace);
    span
}

/// Logs and counts the outcome of one notification.
pub fn report(order: OrderId, kind: Kind, outcome: &Outcome) {
    let (order_uuid, name) = (order, kind.as_str());
    match outcome {
        Outcome::Sent => {
            tracing::info!(%order_uuid, kind = name, "notification sent");
            metrics::sent(kind);
        }
        Outcome::Skipped { problem } => {
            tracing::info!(%order_uuid, kind = name, problem, "notification skipped");
            metrics::skipped(kind);
        }
        Outcome::Failed { problem, .. } => {
            tracing::warn!(%order_uuid, kind = name, problem, "notification failed");
            metrics::failed(kind);
        }
        Outcome::Retry { after, problem, .. } => {
            tracing::info!(%order_uuid, kind = name, problem, ?after, "retrying notification");
            metrics::retried(kind);
        }
    }
}
