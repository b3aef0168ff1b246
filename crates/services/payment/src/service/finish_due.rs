//! Finishes due payments in the background: settles unknown outcomes and makes refunds.

use std::time::Duration;

use futures::StreamExt as _;
use platform::jobs;
use tokio_util::sync::CancellationToken;

use super::PaymentService;
use crate::{
    error::Error,
    model::{Intent, Payment},
};

/// The most payments that one statement takes.
const BATCH: i64 = 16;
/// The most payments that are processed concurrently.
const CONCURRENCY: usize = 64;

impl PaymentService {
    /// Finishes payments as they fall due, until `stop`. A payment is leased to one replica at a time, so all replicas may run this.
    ///
    /// Payments are processed concurrently, those with the fewest tries first, so that hanging ones delay no others.
    pub async fn finish_due(&self, stop: CancellationToken) {
        let due = jobs::due("finisher", || self.take_due(), self.refund_due.clone(), stop);
        due.for_each_concurrent(CONCURRENCY, |(payment, time)| self.try_to_finish(payment, time)).await;
    }

    async fn try_to_finish(&self, payment: Payment, time: Duration) {
        let Intent { order, transaction, .. } = payment.intent;
        let finished = tokio::time::timeout(time, self.finish(payment)).await;
        let error = match finished {
            Ok(Ok(())) => return,
            Ok(Err(error)) => format!("{:#}", anyhow::Error::from(error)),
            Err(_) => format!("timed out after {time:?}"),
        };
        tracing::warn!(order_uuid = %order, transaction_uuid = %transaction, error, "payment not finished, retrying");
    }

    /// Takes the payments that are due, each with the duration of its lease. A refund wakes the job.
    async fn take_due(&self) -> Result<Vec<(Payment, Duration)>, Error> {
        // Before payments are taken: what is taken and then lost by a failure waits for the end of its lease.
        let unfinished = self.payments.unfinished().await?;
        gauge("payments_pending", unfinished.pending);
        gauge("refunds_pending", unfinished.refunding);
        self.payments.due(BATCH).await
    }
}

fn gauge(name: &'static str, count: i64) {
    metrics::gauge!(name).set(f64::from(i32::try_from(count).unwrap_or(i32::MAX)));
}
