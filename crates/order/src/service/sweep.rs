//! What is done to orders that nobody asks about: attempts are settled, deadlines kept, old keys forgotten.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use platform::sweeper::Done;

use super::OrderService;
use crate::error::Error;

/// Orders dealt with at once.
const BATCH: i64 = 100;
/// Attempts settled side by side, and in one go: what takes long must not outlast the sweeper's lease.
const SETTLED_AT_ONCE: i64 = 8;
/// How long after an attempt has been asked about in vain it is asked about again.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How long a key is kept.
const KEEP_KEYS: Duration = Duration::from_hours(24);

impl OrderService {
    /// The reconciler: finds out about attempts whose outcome is unknown. Its requests are long gone.
    pub async fn reconcile(&self) -> anyhow::Result<Done> {
        let orders = self.orders.unsettled(SETTLED_AT_ONCE, ASK_AGAIN).await?;
        let done = Done::of(orders.len() as u64, SETTLED_AT_ONCE.unsigned_abs());
        stream::iter(orders)
            .for_each_concurrent(None, async |order| {
                let Some(attempt) = order.attempt else { return };
                let uuid = order.uuid;
                match self.finish(order, attempt).await {
                    Ok(_) => tracing::info!(order_uuid = %uuid, "the reconciler found an order paid"),
                    Err(Error::PaymentOutcomeUnknown | Error::Unavailable(..)) => {}
                    Err(error) => tracing::info!(order_uuid = %uuid, %error, "the reconciler found an order not paid"),
                }
            })
            .await;
        Ok(done)
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
