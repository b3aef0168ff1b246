//! Finishes due payments in the background: settles unknown outcomes and executes refunds.

use std::time::Duration;

use platform::{error_chain, jobs};
use tokio_util::sync::CancellationToken;

use super::PaymentService;
use crate::{
    error::Error,
    model::{Intent, Payment},
    repository::lease,
};

/// The maximum number of payments that one statement takes.
const BATCH_SIZE: i64 = 16;
/// The maximum number of payments that one replica processes concurrently.
const MAX_CONCURRENT_PAYMENTS: usize = 64;

impl PaymentService {
    /// Finishes payments as they fall due, until `stop`. A payment is leased to one replica at a time, so all replicas may run this job.
    ///
    /// Payments are processed concurrently, those with the fewest tries first, so that calls that hang do not delay other payments.
    pub async fn finish_payments(&self, stop: CancellationToken) {
        let due = jobs::due("finisher", || self.payments.due(BATCH_SIZE), self.refund_due.clone(), stop);
        let finish = |(payment, tries)| self.try_to_finish(payment, tries);
        jobs::for_each(due, MAX_CONCURRENT_PAYMENTS, "finish payment", finish).await;
    }

    async fn try_to_finish(&self, payment: Payment, tries: u32) {
        let Intent { order, transaction, .. } = payment.intent;
        let Some(error) = failure(self.finish(payment, tries), lease(tries)).await else { return };
        tracing::warn!(order_uuid = %order, transaction_uuid = %transaction, error, "payment not finished, retrying");
    }
}

/// Does the work within its lease. Returns why it failed, if it did.
pub(super) async fn failure(work: impl Future<Output = Result<(), Error>>, lease: Duration) -> Option<String> {
    match tokio::time::timeout(lease, work).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error_chain(error)),
        Err(_) => Some(format!("timed out after {lease:?}")),
    }
}
