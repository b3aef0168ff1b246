//! Changes an order's reservation as the order's events require. Each event is applied once.

use contracts::{
    events::{OrderCancelled, ShipAssembled, group},
    ids::{EventId, OrderId},
};

use super::InventoryService;
use crate::{error::Error, metrics, repository::Cause};

/// The consumer groups of the order's events. They are also the consumer names in the inbox.
pub const GROUP_CANCELLED: &str = group::<OrderCancelled>("inventory");
pub const GROUP_ASSEMBLED: &str = group::<ShipAssembled>("inventory");

impl InventoryService {
    /// Releases the order's reservation.
    pub async fn order_cancelled(&self, event: EventId, order: OrderId) -> Result<(), Error> {
        let cause = Cause { consumer: GROUP_CANCELLED, event };
        skip_contradictions(order, self.warehouse.release(order, Some(cause)).await, "reserved parts released")
    }

    /// Commits the order's reservation, because its parts are built into the ship.
    pub async fn ship_assembled(&self, event: EventId, order: OrderId) -> Result<(), Error> {
        let cause = Cause { consumer: GROUP_ASSEMBLED, event };
        skip_contradictions(order, self.warehouse.commit(order, Some(cause)).await, "reserved parts used")
    }
}

/// Logs what was `done`. Logs, counts and skips an event that contradicts how the reservation ended. A retry would fail again, so an operator
/// must investigate.
fn skip_contradictions(order: OrderId, result: Result<(), Error>, done: &'static str) -> Result<(), Error> {
    match result {
        Ok(()) => {
            tracing::info!(order_uuid = %order, "{done}");
            Ok(())
        }
        Err(error @ (Error::ReservationNotFound(_) | Error::ReservationEnded(_) | Error::OutOfStock(_))) => {
            tracing::error!(order_uuid = %order, %error, "event contradicts the order's reservation, skipped");
            metrics::inconsistent();
            Ok(())
        }
        Err(error) => Err(error),
    }
}
