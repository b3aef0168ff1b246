//! Moves the couriers that carry an order.

use chrono::NaiveDate;
use contracts::ids::CourierId;

use super::DeliveryService;
use crate::{error::Error, metrics, repository::Moved};

/// The maximum number of couriers that one statement moves.
const BATCH_SIZE: i64 = 1_000;

impl DeliveryService {
    /// Performs one tick: every courier that carries an order makes one step. `epoch` is the epoch of this replica's lease. If the replica
    /// has lost the lease, no courier moves. Returns the number of couriers moved.
    pub async fn move_couriers(&self, epoch: i64, today: NaiveDate) -> Result<usize, Error> {
        let mut moved = 0;
        let mut after: Option<CourierId> = None;
        loop {
            let trips = self.dispatch.trips(after, BATCH_SIZE).await?;
            after = trips.last().map(|trip| trip.courier);
            let is_full = i64::try_from(trips.len()).is_ok_and(|count| count == BATCH_SIZE);
            if trips.is_empty() {
                return Ok(moved);
            }
            let steps: Vec<_> = trips.into_iter().map(|trip| trip.step(today)).collect();
            let Moved { couriers, arrived } = self.dispatch.step(epoch, &steps).await?;
            moved += couriers;
            if couriers > 0 && steps.iter().any(|step| !step.events.is_empty()) {
                self.relay.wake();
            }
            if !arrived.is_empty() {
                tracing::info!(arrived = arrived.len(), "orders delivered");
                metrics::delivered(&arrived);
                self.assign_soon();
            }
            // If no courier moved, another replica has taken the lease.
            if !is_full || couriers == 0 {
                return Ok(moved);
            }
        }
    }
}
