//! Refunds a cancelled order while the caller waits; `finish_due` makes refunds in the background.

use contracts::ids::OrderId;

use super::PaymentService;
use crate::error::Error;

impl PaymentService {
    /// Succeeds once the order's charge, if there is one, is refunded.
    ///
    /// Only `OrderCancelled` cancels an order: a refund of an order that is not cancelled is rejected.
    pub async fn refund(&self, order: OrderId) -> Result<(), Error> {
        if !self.payments.is_cancelled(order).await? {
            return Err(Error::NotCancelled(order));
        }
        match self.payments.find(order).await? {
            Some(payment) => self.finish(payment).await,
            None => Ok(()),
        }
    }
}
