//! The use cases of couriers: add, list and move them, and assign waiting orders to free ones.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use contracts::ids::{CourierId, PlaceId};
use platform::{error_chain, jobs::MOVED_BACK_FOR, postgres::Halves};

use super::DeliveryService;
use crate::{
    error::Error,
    metrics,
    model::{self, Assignment, Name, NewCourier, Step, Trip, Volume},
    repository::{ListedCourier, Moved, TripPage},
};

/// Couriers moved per statement.
const MOVE_BATCH: i64 = 1_000;

impl DeliveryService {
    /// Adds the couriers that do not exist yet.
    pub async fn seed(&self, couriers: &[NewCourier]) -> Result<(), Error> {
        let added = self.couriers.seed(couriers).await?;
        if added > 0 {
            tracing::info!(added, "first couriers added");
            self.assign_soon();
        }
        Ok(())
    }

    pub async fn add_courier(&self, courier: &NewCourier) -> Result<(), Error> {
        self.couriers.add(courier).await?;
        self.assign_soon();
        Ok(())
    }

    pub async fn add_place(&self, courier: CourierId, id: PlaceId, name: &Name, volume: Volume) -> Result<(), Error> {
        self.couriers.add_place(courier, id, name, volume).await?;
        self.assign_soon();
        Ok(())
    }

    pub async fn report_counts(&self) -> Result<(), Error> {
        metrics::counts(self.dispatch.counts().await?);
        Ok(())
    }

    pub async fn list_couriers(&self) -> Result<Vec<ListedCourier>, Error> {
        self.couriers.list().await
    }

    /// Performs one tick: every courier that carries an order makes one step. If `epoch` is no longer the lease's
    /// epoch, no courier moves. Returns the number of couriers moved.
    pub async fn move_couriers(&self, epoch: i64, today: NaiveDate) -> Result<usize, Error> {
        let mut moved = 0;
        let mut after: Option<CourierId> = None;
        loop {
            let TripPage { trips, next } = self.dispatch.trips(after, MOVE_BATCH).await?;
            if !trips.is_empty() {
                let (couriers, refused) = self.step(epoch, today, trips).await?;
                moved += couriers;
                // Another replica has taken the lease.
                if couriers == 0 && refused == 0 {
                    return Ok(moved);
                }
            }
            if next.is_none() {
                return Ok(moved);
            }
            after = next;
        }
    }

    /// Moves these couriers by one step. If the database refuses the statement for its data, halves the batch until
    /// only the refused steps are left out. Returns the numbers of couriers moved and of refused steps.
    async fn step(&self, epoch: i64, today: NaiveDate, trips: Vec<Trip>) -> Result<(usize, usize), Error> {
        let steps: Vec<_> = trips.into_iter().map(|trip| trip.step(today)).collect();
        let (mut couriers, mut refused) = (0, 0);
        let mut parts = Halves::new(&steps);
        while let Some(part) = parts.next_part() {
            match self.dispatch.step(epoch, part).await {
                Err(Error::Database(error)) if error.is_permanent_refusal() => {
                    let Some(one) = parts.refused(part) else { continue };
                    let (order, courier, error) = (one.delivery.order, one.courier, error_chain(error));
                    tracing::error!(order_uuid = %order, courier_uuid = %courier, error, "courier not moved, skipped");
                    refused += 1;
                }
                outcome => {
                    let moved = outcome?;
                    self.report(part, &moved);
                    couriers += moved.couriers;
                }
            }
        }
        Ok((couriers, refused))
    }

    /// Reports the steps that a statement has written.
    fn report(&self, steps: &[Step], moved: &Moved) {
        if moved.couriers > 0 && steps.iter().any(|step| !step.events.is_empty()) {
            self.relay.wake();
        }
        if moved.arrived > 0 {
            tracing::info!(arrived = moved.arrived, "orders delivered");
            metrics::delivered(&moved.took);
            self.assign_soon();
        }
    }
}

/// Orders assigned per statement.
const ASSIGN_BATCH: i64 = 500;

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
            let waiting = self.dispatch.waiting(largest, ASSIGN_BATCH).await?;
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

    /// Waits until an order or a courier becomes available in this replica, for at most `period`, and at most until
    /// refused assignments may be tried again.
    pub async fn wait_to_assign(&self, period: Duration) {
        let _ = tokio::time::timeout(period.min(MOVED_BACK_FOR), self.to_assign.notified()).await;
    }
}
