//! Undoes a paid order whose ship cannot be built: payment refunds the charge upon the event.

use contracts::ids::{EventId, OrderId, UserId};

use super::{GROUP_ASSEMBLY_FAILED, OrderService};
use crate::{error::Error, model::Event};

impl OrderService {
    /// Takes effect once per event, and on a paid order alone.
    pub async fn undo(&self, event: EventId, order: OrderId, user: UserId) -> Result<(), Error> {
        let undone = Event::undone(order, user);
        if self.orders.undo(GROUP_ASSEMBLY_FAILED, event, order, &undone).await? {
            self.relay.wake();
            metrics::counter!("orders_cancelled_total").increment(1);
            tracing::warn!(order_uuid = %order, "order cancelled: its ship cannot be built");
        }
        Ok(())
    }
}
