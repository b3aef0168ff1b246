//! Cancels a paid order whose ship cannot be built. The payment service refunds the charge when it receives the event.

use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};

use super::OrderService;
use crate::{error::Error, metrics, model::Event};

impl OrderService {
    /// Cancels the order if it is paid. An event that was handled before changes nothing.
    pub async fn compensate(&self, cause: Cause, order: OrderId, user: UserId) -> Result<(), Error> {
        let cancellation = Event::assembly_failed(order, user);
        if self.orders.compensate(cause, order, &cancellation).await? {
            self.relay.wake();
            metrics::cancelled();
            tracing::warn!(order_uuid = %order, "order cancelled: its ship cannot be built");
        }
        Ok(())
    }
}
