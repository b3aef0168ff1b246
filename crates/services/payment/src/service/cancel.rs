//! Cancels an order: it is never charged again. `finish_payments.rs` refunds its charge in the background, with `finish_payment.rs`.

use contracts::{
    events::{OrderCancelled, group},
    ids::{EventId, OrderId},
};

use super::PaymentService;
use crate::{error::Error, repository::Cause};

/// The consumer group that handles `OrderCancelled`. It is also the consumer name in the inbox.
pub const GROUP_CANCELLED: &str = group::<OrderCancelled>("payment");

impl PaymentService {
    pub async fn cancel(&self, event: EventId, order: OrderId) -> Result<(), Error> {
        if self.payments.cancel(order, Some(Cause { consumer: GROUP_CANCELLED, event })).await? {
            self.refund_due.notify_one();
        }
        Ok(())
    }
}
