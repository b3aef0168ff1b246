//! The reconciler: settles payment attempts whose outcome is unknown.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use platform::{deadline, jobs, postgres::DatabaseError};
use tokio_util::sync::CancellationToken;

use super::OrderService;
use crate::{
    error::Error,
    model::{AttemptLease, Order},
};

/// Attempts settled concurrently, and those taken by one statement, which wait until one of the former ends.
const SETTLED_AT_ONCE: usize = 64;
const TAKEN_AT_ONCE: i64 = 16;
/// How long an attempt belongs to its reconciler before another may take it: longer than it may wait and be settled.
const TAKEN_FOR: Duration = Duration::from_secs(20);
/// The time limit for settling an attempt, the first time and at most.
const FIRST_TIME_TO_SETTLE: Duration = Duration::from_secs(2);
const LONGEST_TIME_TO_SETTLE: Duration = Duration::from_secs(8);
const TIME_TO_WRITE: Duration = Duration::from_secs(1);

impl OrderService {
    /// Settles attempts whose requests have ended without learning the outcome, until `stop`.
    ///
    /// Every replica runs one: an attempt is taken by one process at a time. An attempt that hangs does not block the others: they
    /// are settled concurrently, the next starts as soon as one ends, and those that were tried least often come first.
    pub async fn reconcile(&self, stop: CancellationToken) -> anyhow::Result<()> {
        let take = || self.attempts.unsettled(TAKEN_AT_ONCE, TAKEN_FOR);
        let unsettled = jobs::due("payment-attempts", take, Arc::default(), stop);
        unsettled.for_each_concurrent(SETTLED_AT_ONCE, |(order, lease)| self.settle_attempt(order, lease)).await;
        Ok(())
    }

    async fn settle_attempt(&self, order: Order, lease: AttemptLease) {
        let uuid = order.uuid;
        let limit = time_to_settle(lease.tries);
        let work = deadline::within(limit, self.finish(order.clone(), lease));
        // The calls end with the deadline; the remaining time is for writing their outcome.
        match tokio::time::timeout(limit + TIME_TO_WRITE, work).await {
            Ok(Ok(_)) => tracing::info!(order_uuid = %uuid, "reconciled: the order is paid"),
            Ok(Err(
                Error::PaymentOutcomeUnknown | Error::Unavailable(..) | Error::Database(DatabaseError::Unavailable(_)),
            )) => {}
            Ok(Err(error)) => tracing::info!(order_uuid = %uuid, %error, "reconciled: the order is not paid"),
            Err(_) => {
                self.ask_later(&order, &lease, "timed out").await;
            }
        }
    }
}

/// The time limit for settling an attempt that has been taken `tries` times. Short at first: the payment service finishes a slower charge
/// by itself, and its outcome is known on the next try.
fn time_to_settle(tries: u32) -> Duration {
    FIRST_TIME_TO_SETTLE.saturating_mul(1 << tries.saturating_sub(1).min(10)).min(LONGEST_TIME_TO_SETTLE)
}
