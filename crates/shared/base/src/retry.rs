//! Retries idempotent calls after a backoff with jitter, within a retry budget per peer.
//!
//! Other backoffs are defined beside the work that they delay, because each fits a time limit of that work:
//!
//! - `events::kafka::dead_letter`: between attempts to handle one message
//! - `edge::grpc::peer::replicas`: before a call is sent to the same replica again
//! - `store::postgres::database`: between attempts to open a connection
//!
//! The services define the backoff of work that is stored in rows.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio_util::sync::CancellationToken;
use tower::retry::budget::{Budget as _, TpsBudget};

use crate::error_chain;

/// The retry budget of one peer: one retry for every ten calls and a small reserve. So a failing peer receives at most
/// 1.1 times the load of a healthy one.
#[derive(Clone)]
pub struct Budget {
    peer: &'static str,
    tokens: Arc<TpsBudget>,
}

impl Budget {
    pub fn new(peer: &'static str) -> Self {
        metrics::counter!("retries_total", "peer" => peer).increment(0);
        metrics::counter!("retry_budget_exhausted_total", "peer" => peer).increment(0);
        Self { peer, tokens: Arc::new(TpsBudget::new(Duration::from_secs(10), 1, 0.1)) }
    }

    /// Calls `call`. If it fails and `transient` returns true for the error, retries up to twice after a short backoff,
    /// as far as the budget allows.
    pub async fn retry<T, E, F>(&self, transient: fn(&E) -> bool, mut call: impl FnMut() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(20))
            .with_max_times(2)
            .with_jitter()
            .build();
        loop {
            match call().await {
                Ok(response) => {
                    self.tokens.deposit();
                    return Ok(response);
                }
                Err(error) if transient(&error) => match backoff.next() {
                    Some(delay) if self.tokens.withdraw() => {
                        metrics::counter!("retries_total", "peer" => self.peer).increment(1);
                        tokio::time::sleep(delay).await;
                    }
                    Some(_) => {
                        metrics::counter!("retry_budget_exhausted_total", "peer" => self.peer).increment(1);
                        return Err(error);
                    }
                    None => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
    }
}

/// Returns an endless backoff for background work that is retried until it succeeds: from 100 ms, doubling
/// to 5 s, with jitter.
pub fn endless_backoff() -> backon::ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .without_max_times()
        .with_jitter()
        .build()
}

/// Runs `prepare` at the start of a service; the log calls it `what`. Retries while the database is unavailable, until
/// `stop`.
pub async fn while_unavailable<E, F>(
    what: &'static str,
    is_unavailable: fn(&E) -> bool,
    stop: &CancellationToken,
    mut prepare: impl FnMut() -> F,
) -> Result<(), E>
where
    E: Into<anyhow::Error>,
    F: Future<Output = Result<(), E>>,
{
    for delay in endless_backoff() {
        match prepare().await {
            Err(error) if is_unavailable(&error) => {
                tracing::warn!(error = error_chain(error), "{what} failed, retrying");
            }
            outcome => return outcome,
        }
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = stop.cancelled() => break,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_in_trouble_is_asked_little_more_than_one_in_health() {
        let budget = Budget::new("peer");
        let mut calls = 0;

        for _ in 0..1000 {
            let _ = budget
                .retry(
                    |(): &()| true,
                    || {
                        calls += 1;
                        std::future::ready(Err::<(), ()>(()))
                    },
                )
                .await;
        }

        assert!(calls <= 1100, "{calls} calls for 1000 requests");
    }
}
