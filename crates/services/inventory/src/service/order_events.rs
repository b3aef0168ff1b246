//! Reservations follow the events of their orders, each event once.

use contracts::ids::{EventId, OrderId};

use super::InventoryService;
use crate::{
    error::Error,
    model::Lines,
    repository::{Cause, Expiry},
};

/// The consumer groups, which are the inbox's consumer names too.
pub const GROUP_CREATED: &str = "inventory-group-order-created";
pub const GROUP_CANCELLED: &str = "inventory-group-order-cancelled";
pub const GROUP_ASSEMBLED: &str = "inventory-group-order-assembled";

impl InventoryService {
    /// Confirms the order's reservation, or makes a new one if it has expired.
    pub async fn order_created(&self, event: EventId, order: OrderId, lines: &Lines) -> Result<(), Error> {
        let cause = Cause { consumer: GROUP_CREATED, event };
        match self.warehouse.reserve(order, lines, Expiry::Never, Some(cause)).await {
            Ok(_) => Ok(()),
            // Paying requires a reservation, so an order without one is cancelled, not charged.
            Err(error @ (Error::OutOfStock(_) | Error::ReservationEnded(_))) => {
                tracing::warn!(order_uuid = %order, %error, "created order has no reservation, event skipped");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Releases the order's reservation.
    pub async fn order_cancelled(&self, event: EventId, order: OrderId) -> Result<(), Error> {
        let cause = Cause { consumer: GROUP_CANCELLED, event };
        skip_contradictions(order, self.warehouse.release(order, Some(cause)).await)
    }

    /// Commits the order's reservation: its parts are built in.
    pub async fn ship_assembled(&self, event: EventId, order: OrderId) -> Result<(), Error> {
        let cause = Cause { consumer: GROUP_ASSEMBLED, event };
        skip_contradictions(order, self.warehouse.commit(order, Some(cause)).await)
    }
}

/// Logs, counts and skips an event that contradicts how the reservation ended. A retry would fail again: an operator has to look.
fn skip_contradictions(order: OrderId, result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error @ (Error::ReservationNotFound(_) | Error::ReservationEnded(_) | Error::OutOfStock(_))) => {
            tracing::error!(order_uuid = %order, %error, "event contradicts the order's reservation, skipped");
            metrics::counter!("inventory_inconsistencies_total").increment(1);
            Ok(())
        }
        result => result,
    }
}
