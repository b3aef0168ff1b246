//! Completes a paid order whose ship is assembled.

use contracts::ids::{EventId, OrderId};

use super::{GROUP_ASSEMBLED, OrderService};
use crate::error::Error;

impl OrderService {
    /// Completes the order if it is paid. An event that was handled before changes nothing.
    pub async fn complete(&self, event: EventId, order: OrderId) -> Result<(), Error> {
        if self.orders.assemble(GROUP_ASSEMBLED, event, order).await? {
            tracing::info!(order_uuid = %order, "order completed: its ship is assembled");
        }
        Ok(())
    }
}
