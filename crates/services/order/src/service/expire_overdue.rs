//! Cancels orders that were not paid before their deadline.

use platform::jobs::Done;

use super::OrderService;
use crate::{
    error::Error,
    model::{CancelReason, Order},
};

/// The maximum number of orders that one run cancels.
const BATCH: i64 = 100;

impl OrderService {
    /// Cancels orders whose payment deadline has passed, except those with an attempt to pay in progress.
    pub async fn expire_overdue(&self) -> anyhow::Result<Done> {
        let orders = self.orders.overdue(BATCH).await?;
        let more = orders.len() as u64 >= BATCH.unsigned_abs();
        let mut count = 0;
        for order in orders {
            count += u64::from(self.expire(order).await?);
        }
        Ok(Done { count, more })
    }

    async fn expire(&self, mut order: Order) -> Result<bool, Error> {
        let Ok(event) = order.cancel(CancelReason::PaymentDeadline) else { return Ok(false) };
        let cancelled = self.orders.cancel(order.uuid, &event, None).await?;
        if cancelled {
            self.cancelled(&order, CancelReason::PaymentDeadline);
        }
        Ok(cancelled)
    }
}
