//! Moves the couriers that carry an order.

use chrono::NaiveDate;
use contracts::ids::CourierId;

use super::DeliveryService;
use crate::{error::Error, repository::Moved};

/// The couriers that one statement moves, at most.
const BATCH: i64 = 1_000;

impl DeliveryService {
    /// One tick: every courier that carries an order makes one step. `epoch` is that of this replica's lease: a replica that lost it
    /// moves none. Returns how many moved.
    pub async fn move_couriers(&self, epoch: i64, today: NaiveDate) -> Result<usize, Error> {
        let mut moved = 0;
        let mut after: Option<CourierId> = None;
        loop {
            let trips = self.dispatch.trips(after, BATCH).await?;
            after = trips.last().map(|trip| trip.courier);
            let is_full = i64::try_from(trips.len()).is_ok_and(|count| count == BATCH);
            if trips.is_empty() {
                return Ok(moved);
            }
            let steps: Vec<_> = trips.into_iter().map(|trip| trip.step(today)).collect();
            let Moved { couriers, arrived } = self.dispatch.step(epoch, &steps).await?;
            moved += couriers;
            if couriers > 0 && steps.iter().any(|step| !step.events.is_empty()) {
                self.relay.wake();
            }
            if arrived > 0 {
                tracing::info!(arrived, "orders delivered");
                self.assign_soon();
            }
            // None moved: another replica has taken the lease.
            if !is_full || couriers == 0 {
                return Ok(moved);
            }
        }
    }
}
