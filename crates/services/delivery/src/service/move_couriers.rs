//! Moves the couriers that carry an order.

use chrono::NaiveDate;
use contracts::ids::CourierId;

use super::DeliveryService;
use crate::{
    error::Error,
    metrics,
    model::Trip,
    repository::{Moved, TripPage},
};

/// Couriers moved per statement.
const BATCH_SIZE: i64 = 1_000;

impl DeliveryService {
    /// Performs one tick: every courier that carries an order makes one step. If `epoch` is no longer the lease's
    /// epoch, no courier moves. Returns the number of couriers moved.
    pub async fn move_couriers(&self, epoch: i64, today: NaiveDate) -> Result<usize, Error> {
        let mut moved = 0;
        let mut after: Option<CourierId> = None;
        loop {
            let TripPage { trips, next } = self.dispatch.trips(after, BATCH_SIZE).await?;
            if !trips.is_empty() {
                let couriers = self.step(epoch, today, trips).await?;
                moved += couriers;
                // Another replica has taken the lease.
                if couriers == 0 {
                    return Ok(moved);
                }
            }
            if next.is_none() {
                return Ok(moved);
            }
            after = next;
        }
    }

    /// Returns the number of couriers moved.
    async fn step(&self, epoch: i64, today: NaiveDate, trips: Vec<Trip>) -> Result<usize, Error> {
        let steps: Vec<_> = trips.into_iter().map(|trip| trip.step(today)).collect();
        let Moved { couriers, arrived } = self.dispatch.step(epoch, &steps).await?;
        if couriers > 0 && steps.iter().any(|step| !step.events.is_empty()) {
            self.relay.wake();
        }
        if !arrived.is_empty() {
            tracing::info!(arrived = arrived.len(), "orders delivered");
            metrics::delivered(&arrived);
            self.assign_soon();
        }
        Ok(couriers)
    }
}
