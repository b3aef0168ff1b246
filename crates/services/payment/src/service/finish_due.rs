//! Finishes due payments in the background: settles unknown outcomes and makes refunds.

use std::time::Duration;

use futures::{Stream, StreamExt as _};
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
/// How often the database is polled for due payments, unless a refund wakes the job earlier.
const POLL: Duration = Duration::from_secs(1);

impl PaymentService {
    /// Finishes payments as they fall due, until `stop`. A payment is leased to one replica at a time, so all replicas may run this.
    ///
    /// Payments are processed concurrently, those with the fewest tries first, so that hanging ones delay no others.
    pub async fn finish_due(&self, stop: CancellationToken) {
        self.due(stop).for_each_concurrent(CONCURRENCY, |(payment, time)| self.try_to_finish(payment, time)).await;
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

    /// Payments as they fall due, each with the duration of its lease, until `stop`.
    fn due(&self, stop: CancellationToken) -> impl Stream<Item = (Payment, Duration)> {
        futures::stream::unfold(stop, async |stop| {
            while !stop.is_cancelled() {
                let due = self.take_due().await.unwrap_or_else(|error| {
                    let error = format!("{:#}", anyhow::Error::from(error));
                    tracing::warn!(error, "reading due payments failed, retrying");
                    Vec::new()
                });
                if !due.is_empty() {
                    return Some((futures::stream::iter(due), stop));
                }
                tokio::select! {
                    () = self.wait() => {}
                    () = stop.cancelled() => {}
                }
            }
            None
        })
        .flatten()
    }

    async fn take_due(&self) -> Result<Vec<(Payment, Duration)>, Error> {
        let due = self.payments.due(BATCH).await?;
        let unfinished = self.payments.unfinished().await?;
        gauge("payments_pending", unfinished.pending);
        gauge("refunds_pending", unfinished.refunding);
        Ok(due)
    }

    async fn wait(&self) {
        let _ = tokio::time::timeout(POLL, self.refund_due.notified()).await;
    }
}

fn gauge(name: &'static str, count: i64) {
    metrics::gauge!(name).set(f64::from(i32::try_from(count).unwrap_or(i32::MAX)));
}
