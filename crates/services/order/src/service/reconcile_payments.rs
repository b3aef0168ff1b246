//! The reconciler: settles payment attempts whose outcome is unknown.

use std::{sync::Arc, time::Duration};

use platform::{deadline, error_chain, jobs, postgres::DatabaseError};
use tokio_util::sync::CancellationToken;

use super::OrderService;
use crate::{
    error::Error,
    model::{AttemptLease, Order},
};

/// The maximum number of attempts that one replica settles concurrently.
const MAX_CONCURRENT_ATTEMPTS: usize = 64;
/// The maximum number of attempts that one statement takes. They wait while [`MAX_CONCURRENT_ATTEMPTS`] others are
/// being settled.
const BATCH_SIZE: i64 = 16;
/// The lease of an attempt, after which another reconciler may take it. It is longer than the maximum wait for other
/// attempts plus the maximum time to settle.
const LEASE_TTL: Duration = Duration::from_secs(20);
/// The time limit for the first try to settle an attempt. It doubles with each try.
const FIRST_SETTLE_TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum time limit for a try to settle an attempt.
const MAX_SETTLE_TIMEOUT: Duration = Duration::from_secs(8);
const WRITE_RESERVE: Duration = Duration::from_secs(1);
/// The first pause before the reconciler retries an attempt whose outcome is unknown.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);
/// The maximum pause. With it, outcomes are known well within 30 s after the payment service has recovered.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(8);

impl OrderService {
    /// Settles attempts whose requests ended without a known outcome, until `stop`.
    ///
    /// Every replica runs a reconciler, and only one of them at a time takes an attempt. An attempt that hangs does not
    /// block the others: attempts are settled concurrently, and those that were tried least often come first.
    pub async fn reconcile_payments(&self, stop: CancellationToken) -> anyhow::Result<()> {
        let take = || self.attempts.unsettled(BATCH_SIZE, LEASE_TTL);
        let unsettled = jobs::due("payment-attempts", take, Arc::default(), stop);
        let settle = |(order, lease)| self.settle_attempt(order, lease);
        jobs::for_each(unsettled, MAX_CONCURRENT_ATTEMPTS, "reconcile payment", settle).await;
        Ok(())
    }

    async fn settle_attempt(&self, order: Order, lease: AttemptLease) {
        let uuid = order.uuid;
        let limit = time_to_settle(lease.tries);
        let work = deadline::within(limit, self.finish(order.clone(), lease));
        // The calls to other services end at the deadline. The additional time is for writing their outcome.
        match tokio::time::timeout(limit + WRITE_RESERVE, work).await {
            Ok(Ok(_)) => tracing::info!(order_uuid = %uuid, "reconciled: the order is paid"),
            Ok(Err(
                Error::PaymentOutcomeUnknown | Error::Unavailable(..) | Error::Database(DatabaseError::Unavailable(_)),
            )) => {}
            Ok(Err(error @ Error::Refused(_))) => {
                tracing::info!(order_uuid = %uuid, %error, "reconciled: the order is not paid");
            }
            Ok(Err(error)) => {
                tracing::error!(order_uuid = %uuid, error = error_chain(error), "payment attempt not reconciled, retrying");
            }
            Err(_) => {
                self.ask_later(&order, &lease, "timed out").await;
            }
        }
    }

    /// Leaves an attempt to the reconciler, which retries it after a pause. Returns the error for the request that began the attempt.
    pub(super) async fn ask_later(&self, order: &Order, lease: &AttemptLease, problem: &str) -> Error {
        let attempt = lease.attempt.number;
        tracing::warn!(order_uuid = %order.uuid, attempt, problem, "payment outcome unknown; retrying later");
        // This shortens the wait. If it fails, the attempt is due when its lease expires.
        let _ = self.attempts.postpone(order.uuid, lease, pause(lease.tries)).await;
        Error::PaymentOutcomeUnknown
    }
}

/// Returns the pause after the reconciler has taken an attempt `tries` times: 1 s, doubled with each try up to a maximum.
fn pause(tries: u32) -> Duration {
    FIRST_RETRY_DELAY.saturating_mul(1 << tries.min(10)).min(MAX_RETRY_DELAY)
}

/// Returns the time limit for settling an attempt that has been taken `tries` times. It is short at first, because the payment service
/// finishes a slower charge by itself and the next try gets its outcome.
fn time_to_settle(tries: u32) -> Duration {
    FIRST_SETTLE_TIMEOUT.saturating_mul(1 << tries.saturating_sub(1).min(10)).min(MAX_SETTLE_TIMEOUT)
}
