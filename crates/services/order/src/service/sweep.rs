//! What is done to orders that nobody asks about: attempts are settled, deadlines kept, old keys forgotten.

use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use platform::{deadline, jobs::Done, outage::Outage};
use tokio_util::sync::CancellationToken;

use super::OrderService;
use crate::{
    error::Error,
    model::{AttemptLease, Order},
};

/// Orders dealt with at once.
const BATCH: i64 = 100;
/// Attempts that the reconciler settles side by side, and those that it takes in one go, which wait for their turn.
const SETTLED_AT_ONCE: usize = 64;
const TAKEN_AT_ONCE: i64 = 16;
/// How long the reconciler has an attempt before another may take it: longer than it may wait for its turn and be settled.
const TAKEN_FOR: Duration = Duration::from_secs(20);
/// How long the reconciler waits for an attempt at first, and at most.
const FIRST_TIME_TO_SETTLE: Duration = Duration::from_secs(2);
const LONGEST_TIME_TO_SETTLE: Duration = Duration::from_secs(8);
const TIME_TO_WRITE: Duration = Duration::from_secs(1);
/// How often attempts are looked for while there are none.
const POLL: Duration = Duration::from_secs(1);
/// How long a key is kept.
const KEEP_KEYS: Duration = Duration::from_hours(24);

impl OrderService {
    /// The reconciler: finds out about attempts whose outcome is unknown, until `stop`. Their requests are long gone.
    ///
    /// Every replica may run one, since an attempt is taken by one at a time. Those that hang hold up no others: they are worked off
    /// side by side, the next is taken as soon as one ends, and the ones that were asked about least often come first.
    pub async fn reconcile(&self, stop: CancellationToken) -> anyhow::Result<()> {
        self.unsettled(stop)
            .for_each_concurrent(SETTLED_AT_ONCE, |(order, lease)| self.settle_attempt(order, lease))
            .await;
        Ok(())
    }

    async fn settle_attempt(&self, order: Order, lease: AttemptLease) {
        let uuid = order.uuid;
        let limit = time_to_settle(lease.tries);
        let work = deadline::within(limit, self.finish(order.clone(), lease));
        // The calls end with the deadline; the rest is for what is written after them.
        match tokio::time::timeout(limit + TIME_TO_WRITE, work).await {
            Ok(Ok(_)) => tracing::info!(order_uuid = %uuid, "the reconciler found an order paid"),
            Ok(Err(Error::PaymentOutcomeUnknown | Error::Unavailable(..))) => {}
            Ok(Err(error)) => tracing::info!(order_uuid = %uuid, %error, "the reconciler found an order not paid"),
            Err(_) => {
                self.ask_later(&order, &lease, "it took too long to find out").await;
            }
        }
    }

    /// Attempts as they fall due, each taken, until `stop`.
    fn unsettled(&self, stop: CancellationToken) -> impl Stream<Item = (Order, AttemptLease)> {
        let outage = Outage::new("sweeping", "payment-attempts");
        stream::unfold((stop, outage), async |(stop, mut outage)| {
            loop {
                if stop.is_cancelled() {
                    return None;
                }
                match self.orders.unsettled(TAKEN_AT_ONCE, TAKEN_FOR).await {
                    Ok(taken) => {
                        outage.over();
                        if !taken.is_empty() {
                            return Some((stream::iter(taken), (stop, outage)));
                        }
                    }
                    Err(error) => outage.met(format!("{:#}", anyhow::Error::from(error))),
                }
                tokio::select! {
                    () = tokio::time::sleep(POLL) => {}
                    () = stop.cancelled() => {}
                }
            }
        })
        .flatten()
    }

    /// Cancels orders whose time to pay is over.
    pub async fn expire_overdue(&self) -> anyhow::Result<Done> {
        let orders = self.orders.overdue(BATCH).await?;
        let more = orders.len() as u64 >= BATCH.unsigned_abs();
        let mut count = 0;
        for order in orders {
            count += u64::from(self.expire(order).await?);
        }
        Ok(Done { count, more })
    }

    /// Forgets what keys of yesterday stand for.
    pub async fn forget_keys(&self) -> anyhow::Result<Done> {
        let limit = BATCH * 10;
        let forgotten = self.orders.forget_keys(KEEP_KEYS, limit).await?;
        Ok(Done::of(forgotten, limit.unsigned_abs()))
    }
}

/// The time to settle an attempt that has been taken so often. Short at first: a charge that takes longer is finished by payment, and
/// known when it is asked about again.
fn time_to_settle(tries: u32) -> Duration {
    FIRST_TIME_TO_SETTLE.saturating_mul(1 << tries.saturating_sub(1).min(10)).min(LONGEST_TIME_TO_SETTLE)
}
