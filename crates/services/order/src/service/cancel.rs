//! Cancels an unpaid order.

use super::OrderService;
use crate::{
    error::Error,
    metrics,
    model::{CancelReason, Claim, Outcome},
};
use contracts::ids::{OrderId, UserId};

impl OrderService {
    /// Cancels an order and returns [`Outcome::Cancelled`]. If it races with a request to pay, one of the two requests is refused.
    pub async fn cancel(&self, user: UserId, order: OrderId, claim: Option<&Claim>) -> Result<Outcome, Error> {
        self.idempotent(claim, order, async |execution| {
            loop {
                let mut found = self.find(user, order).await?;
                let event = found.cancel(CancelReason::ByUser)?;
                if self.orders.cancel(order, &event, execution.claim).await? {
                    self.cancelled(order, CancelReason::ByUser);
                    return Ok(Outcome::Cancelled);
                }
                // The order has changed since it was read. The next iteration decides by its current state.
            }
        })
        .await
    }

    pub(super) fn cancelled(&self, order: OrderId, reason: CancelReason) {
        self.relay.wake();
        metrics::cancelled();
        tracing::info!(order_uuid = %order, ?reason, "order cancelled");
    }
}
