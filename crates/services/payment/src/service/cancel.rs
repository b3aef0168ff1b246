//! Cancels an order, which is then never charged again. The job in `finish_payments.rs` refunds its charge.

use contracts::{events::Cause, ids::OrderId};

use super::PaymentService;
use crate::error::Error;

impl PaymentService {
    pub async fn cancel(&self, cause: Cause, order: OrderId) -> Result<(), Error> {
        if self.payments.cancel(order, Some(cause)).await? {
            self.refund_due.notify_one();
        }
        Ok(())
    }
}
