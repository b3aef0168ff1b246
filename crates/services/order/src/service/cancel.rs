//! Cancelling an order that waits for its payment.

use uuid::Uuid;

use super::OrderService;
use crate::{
    error::Error,
    model::{CancelReason, Claim, Order, Outcome},
};

impl OrderService {
    /// Answers [`Outcome::Cancelled`]. Raced with a payment, one of the two is refused.
    pub async fn cancel(&self, user: Uuid, order: Uuid, claim: Option<&Claim>) -> Result<Outcome, Error> {
        let objection =
            async { self.find(user, order).await?.cancel(CancelReason::ByUser).map(drop).map_err(Error::from) };
        self.once(claim, order, objection, async |turn| {
            loop {
                let mut found = self.find(user, order).await?;
                let event = found.cancel(CancelReason::ByUser)?;
                if self.orders.cancel(order, &event, turn.claim).await? {
                    self.cancelled(&found, CancelReason::ByUser);
                    return Ok(Outcome::Cancelled);
                }
                // It has changed since it was read: what it is now decides.
            }
        })
        .await
    }

    /// Cancels an order whose time to pay is over, unless it is being paid meanwhile.
    pub(super) async fn expire(&self, mut order: Order) -> Result<bool, Error> {
        let Ok(event) = order.cancel(CancelReason::PaymentDeadline) else { return Ok(false) };
        let cancelled = self.orders.cancel(order.uuid, &event, None).await?;
        if cancelled {
            self.cancelled(&order, CancelReason::PaymentDeadline);
        }
        Ok(cancelled)
    }

    pub(super) fn cancelled(&self, order: &Order, reason: CancelReason) {
        self.relay.wake();
        metrics::counter!("orders_cancelled_total").increment(1);
        tracing::info!(order_uuid = %order.uuid, ?reason, "an order is cancelled");
    }
}
