//! Assigns waiting orders to free couriers.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use platform::{
    error_chain,
    jobs::MOVED_BACK_FOR,
    postgres::{Halves, count_skipped_row},
};

use super::DeliveryService;
use crate::{
    error::Error,
    model::{self, Assignment, Volume},
};

/// Orders assigned per statement.
const BATCH_SIZE: i64 = 500;

/// The result of a round of assigning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// The number of assigned orders.
    pub assigned: usize,
    /// False if orders and couriers may be left: another replica has assigned the same ones, or assignments were
    /// refused.
    pub is_complete: bool,
}

impl DeliveryService {
    /// Assigns orders until no free courier can take a waiting one, or until another replica has assigned the same
    /// orders or couriers.
    pub async fn assign_orders(&self, now: DateTime<Utc>) -> Result<Round, Error> {
        let (mut count, mut is_complete) = (0, true);
        // Usually no order waits. Then the couriers, of which there may be thousands, are not read.
        if !self.dispatch.has_waiting(Volume::LARGEST).await? {
            return Ok(Round { assigned: 0, is_complete: true });
        }
        loop {
            let free = self.dispatch.free().await?;
            let Some(largest) = free.iter().map(|courier| courier.room).max() else {
                return Ok(Round { assigned: count, is_complete });
            };
            let waiting = self.dispatch.waiting(largest, BATCH_SIZE).await?;
            let tick = TimeDelta::from_std(self.tick).unwrap_or(TimeDelta::MAX);
            let assignments = model::assign(waiting, free, now, tick);
            if assignments.is_empty() {
                return Ok(Round { assigned: count, is_complete });
            }
            let (assigned, refused) = self.write_assignments(&assignments).await?;
            count += assigned;
            is_complete &= refused == 0;
            if assigned + refused == 0 {
                return Ok(Round { assigned: count, is_complete: false });
            }
        }
    }

    /// Writes assignments. If the database refuses the statement for its data, halves the batch until only the refused
    /// assignments are left out, and moves back their orders and couriers. Returns the numbers of assigned orders and
    /// of refused assignments.
    async fn write_assignments(&self, assignments: &[Assignment]) -> Result<(usize, usize), Error> {
        let (mut assigned, mut refused) = (0, 0);
        let mut parts = Halves::new(assignments);
        while let Some(part) = parts.next_part() {
            match self.dispatch.assign(part).await {
                Err(Error::Database(error)) if error.is_permanent_refusal() => {
                    let Some(one) = parts.refused(part) else { continue };
                    let (order, courier, error) = (one.delivery.order, one.courier, error_chain(error));
                    count_skipped_row();
                    tracing::error!(order_uuid = %order, courier_uuid = %courier, error, "order not assigned, skipped");
                    self.dispatch.move_back(&[order], &[courier]).await?;
                    refused += 1;
                }
                outcome => {
                    let orders = outcome?.len();
                    if orders > 0 {
                        self.relay.wake();
                        tracing::info!(assigned = orders, "orders assigned to couriers");
                    }
                    assigned += orders;
                }
            }
        }
        Ok((assigned, refused))
    }

    /// Waits until an order or a courier becomes available in this replica, but no longer than `period` and than what
    /// was refused is moved back for.
    pub async fn wait_to_assign(&self, period: Duration) {
        let _ = tokio::time::timeout(period.min(MOVED_BACK_FOR), self.to_assign.notified()).await;
    }
}
