//! What assembly says of paid orders.

use contracts::events::{AssemblyFailed, Received, ShipAssembled};

use super::{GROUP_ASSEMBLED, GROUP_ASSEMBLY_FAILED, OrderService};
use crate::{error::Error, model::Event};

impl OrderService {
    /// The ship is built.
    pub async fn assembled(&self, event: &Received<ShipAssembled>) -> Result<(), Error> {
        if self.orders.assemble(GROUP_ASSEMBLED, event.id.uuid(), event.subject.order.uuid()).await? {
            tracing::info!(order_uuid = %event.subject.order.uuid(), "an order's ship is assembled");
        }
        Ok(())
    }

    /// The ship cannot be built: the order is undone, and what it cost is given back.
    pub async fn assembly_failed(&self, event: &Received<AssemblyFailed>) -> Result<(), Error> {
        let undone = Event::undone(event.subject.order.uuid(), event.subject.user.uuid());
        if self.orders.undo(GROUP_ASSEMBLY_FAILED, event.id.uuid(), event.subject.order.uuid(), &undone).await? {
            self.relay.wake();
            metrics::counter!("orders_cancelled_total").increment(1);
            tracing::warn!(order_uuid = %event.subject.order.uuid(), "an order's ship cannot be built and the order is undone");
        }
        Ok(())
    }
}
