//! Completes a paid order whose ship is assembled.

use contracts::events::{Received, ShipAssembled};

use super::{GROUP_ASSEMBLED, OrderService};
use crate::error::Error;

impl OrderService {
    /// Takes effect once per event, and on a paid order alone.
    pub async fn complete(&self, event: &Received<ShipAssembled>) -> Result<(), Error> {
        if self.orders.assemble(GROUP_ASSEMBLED, event.id.uuid(), event.subject.order.uuid()).await? {
            tracing::info!(order_uuid = %event.subject.order.uuid(), "the order's ship is assembled");
        }
        Ok(())
    }
}
