//! Completes a paid order whose ship is assembled.

use contracts::{events::Cause, ids::OrderId};

use super::OrderService;
use crate::error::Error;

impl OrderService {
    /// Completes the order if it is paid. An event that was handled before changes nothing.
    pub async fn complete(&self, cause: Cause, order: OrderId) -> Result<(), Error> {
        if self.orders.assemble(cause, order).await? {
            tracing::info!(order_uuid = %order, "order completed: its ship is assembled");
        }
        Ok(())
    }
}
