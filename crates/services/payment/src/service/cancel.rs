//! Cancels an order: it is never charged again, and its charge is refunded in the background.

use contracts::ids::{EventId, OrderId};

use super::PaymentService;
use crate::{error::Error, repository::Cause};

/// The consumer group of cancelled orders, which is the inbox's consumer name too.
pub const GROUP_CANCELLED: &str = "payment-group-order-cancelled";

impl PaymentService {
    pub async fn cancel(&self, event: EventId, order: OrderId) -> Result<(), Error> {
        if self.payments.cancel(order, Some(Cause { consumer: GROUP_CANCELLED, event })).await? {
            self.refund_due.notify_one();
        }
        Ok(())
    }
}
