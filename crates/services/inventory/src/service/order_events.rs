//! Applies an order's events to its reservation, each event once.

use contracts::{events::Cause, ids::OrderId};

use super::InventoryService;
use crate::{error::Error, metrics};

impl InventoryService {
    pub async fn order_cancelled(&self, cause: Cause, order: OrderId) -> Result<(), Error> {
        skip_contradictions(order, self.warehouse.release(order, Some(cause)).await, "reserved parts released")
    }

    /// Commits the order's reservation: its parts are built into the ship.
    pub async fn ship_assembled(&self, cause: Cause, order: OrderId) -> Result<(), Error> {
        skip_contradictions(order, self.warehouse.commit(order, Some(cause)).await, "reserved parts used")
    }
}

/// Logs `done` after a success. Logs, counts and skips an event that contradicts the reservation: a retry would fail
/// again, so an operator must investigate.
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
