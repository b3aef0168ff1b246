//! Cancels an order: it is never charged again. `finish_payments.rs` refunds its charge in the background, with `finish_payment.rs`.

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
