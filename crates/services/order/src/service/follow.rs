//! What assembly says of paid orders.

use contracts::events::{AssemblyFailed, Received, ShipAssembled};

use super::{GROUP_ASSEMBLED, GROUP_ASSEMBLY_FAILED, OrderService};
use crate::{error::Error, model::Event};

impl OrderService {
    /// The ship is built.
    pub async fn assembled(&self, event: &Received<ShipAssembled>) -> Result<(), Error> {
        if self.orders.assemble(GROUP_ASSEMBLED, event.uuid, event.order).await? {
            tracing::info!(order_uuid = %event.order, "an order's ship is assembled");
        }
        Ok(())
    }

    /// The ship cannot be built: the order is undone, and what it cost is given back.
    pub async fn assembly_failed(&self, event: &Received<AssemblyFailed>) -> Result<(), Error> {
        let undone = Event::undone(event.order, event.user);
        if self.orders.undo(GROUP_ASSEMBLY_FAILED, event.uuid, event.order, &undone).await? {
            self.relay.wake();
            metrics::counter!("orders_cancelled_total").increment(1);
            tracing::warn!(order_uuid = %event.order, "an order's ship cannot be built and the order is undone");
        }
        Ok(())
    }
}
