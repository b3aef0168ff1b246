//! Refunds a cancelled order while the caller waits. The job `finish_payments` does so in the background.

use contracts::ids::OrderId;

use super::PaymentService;
use crate::error::Error;

impl PaymentService {
    /// Refunds the order's charge, if it has one. Returns once the refund is recorded.
    ///
    /// Fails if the order is not cancelled. Only the event `OrderCancelled` cancels an order.
    pub async fn refund(&self, order: OrderId) -> Result<(), Error> {
        if !self.payments.is_cancelled(order).await? {
            return Err(Error::NotCancelled(order));
        }
        match self.payments.find(order).await? {
            Some(payment) => self.finish(payment, 0).await,
            None => Ok(()),
        }
    }
}
