//! Assigns waiting orders to free couriers.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::DeliveryService;
use crate::{
    error::Error,
    model::{self, Volume},
};

/// Orders assigned per statement.
const BATCH_SIZE: i64 = 500;

impl DeliveryService {
    /// Assigns orders until no free courier can take a waiting one, or until another replica has assigned the same
    /// orders or couriers. Returns the number of assigned orders.
    pub async fn assign_orders(&self, now: DateTime<Utc>) -> Result<usize, Error> {
        let mut count = 0;
        // Usually no order waits, so that thousands of couriers need not be read.
        if !self.dispatch.has_waiting(Volume::LARGEST).await? {
            return Ok(0);
        }
        loop {
            let free = self.dispatch.free().await?;
            let Some(largest) = free.iter().map(|courier| courier.room).max() else { return Ok(count) };
            let waiting = self.dispatch.waiting(largest, BATCH_SIZE).await?;
            let tick = TimeDelta::from_std(self.tick).unwrap_or(TimeDelta::MAX);
            let assignments = model::assign(waiting, free, now, tick);
            if assignments.is_empty() {
                return Ok(count);
            }
            let assigned = self.dispatch.assign(&assignments).await?.len();
            count += assigned;
            self.relay.wake();
            if assigned == 0 {
                return Ok(count);
            }
            tracing::info!(assigned, "orders assigned to couriers");
        }
    }

    /// Waits until an order or a courier becomes available in this replica, for at most `period`.
    pub async fn wait_to_assign(&self, period: Duration) {
        let _ = tokio::time::timeout(period, self.to_assign.notified()).await;
    }
}
