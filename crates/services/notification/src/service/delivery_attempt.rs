//! The result of one task of the sender, and its log lines and metrics.

use contracts::ids::OrderId;
use platform::{error_chain, telemetry};
use tracing::Span;

use crate::{
    error::Error,
    metrics,
    model::{Due, Kind, Outcome},
};

#[derive(Clone, Debug)]
pub enum AttemptResult {
    /// Nothing is left to do.
    Done,
    /// The messenger accepted or rejected a message, or answered a probe.
    Answered,
    /// A user's notifications go to this chat.
    ChatFound {
        chat: String,
        waiting: Vec<Due>,
    },
    UsersUnavailable(String),
    ProviderUnavailable,
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
