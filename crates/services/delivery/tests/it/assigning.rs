//! The job that assigns orders, while its store fails or another replica uses it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate};
use contracts::ids::{CourierId, OrderId};
use delivery::{
    client::{MemoryGeo, MemoryOrderAddresses},
    error::Error,
    jobs,
    model::{Assignment, FreeCourier, Known, State, Step, Volume, Waiting},
    repository::{Counts, Couriers as _, Deliveries as _, Dispatch, MemoryRepository, Moved, TripPage},
    service::{DeliveryService, Repositories},
};
use outbox::{Lease as _, Waker};
use testkit::eventually;

use crate::{cargo, courier, new, order};

/// A store that disturbs a round or a tick.
#[derive(Default)]
struct Disturbed {
    twin: MemoryRepository,
    /// The next round fails.
    fails: AtomicBool,
    /// Another replica has locked the orders that the next statement would assign.
    is_locked: AtomicBool,
    /// A statement that moves several couriers is refused, and the database is unavailable after the first that moves
    /// one.
    splits_steps: AtomicBool,
    /// The number of couriers that were moved one by one.
    moved: AtomicUsize,
}

#[async_trait]
impl Dispatch for Disturbed {
    async fn free(&self) -> Result<Vec<FreeCourier>, Error> {
        self.twin.free().await
    }

    async fn has_waiting(&self, largest: Volume) -> Result<bool, Error> {
        if self.fails.swap(false, Ordering::Relaxed) {
            return Err(sqlx::Error::PoolTimedOut.into());
        }
        self.twin.has_waiting(largest).await
    }

    async fn waiting(&self, largest: Volume, limit: i64) -> Result<Vec<Waiting>, Error> {
        self.twin.waiting(largest, limit).await
    }

    async fn assign(&self, assignments: &[Assignment]) -> Result<Vec<OrderId>, Error> {
        if self.is_locked.swap(false, Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        self.twin.assign(assignments).await
    }

    async fn move_back(&self, orders: &[OrderId], couriers: &[CourierId]) -> Result<(), Error> {
        self.twin.move_back(orders, couriers).await
    }

    async fn trips(&self, after: Option<CourierId>, limit: i64) -> Result<TripPage, Error> {
        self.twin.trips(after, limit).await
    }

    async fn counts(&self) -> Result<Counts, Error> {
        self.twin.counts().await
    }

    async fn step(&self, epoch: i64, steps: &[Step]) -> Result<Moved, Error> {
        if self.splits_steps.load(Ordering::Relaxed) {
            if steps.len() > 1 {
                return Err(testkit::database_error("23505").into());
            }
            if self.moved.fetch_add(1, Ordering::Relaxed) > 0 {
                return Err(sqlx::Error::PoolTimedOut.into());
            }
        }
        self.twin.step(epoch, steps).await
    }
}

/// Adds an order that waits.
async fn wait(repository: &MemoryRepository) -> OrderId {
    let order = order();
    let (delivery, events) = new(order).ready(cargo(5));
    assert!(repository.save(&Known::Nothing, &delivery, &events, None).await.unwrap());
    order
}

fn service(dispatch: Disturbed) -> DeliveryService {
    let repository = dispatch.twin.clone();
    let repositories = Repositories {
        deliveries: Arc::new(repository.clone()),
        couriers: Arc::new(repository),
        dispatch: Arc::new(dispatch),
    };
    let (orders, geo) = (MemoryOrderAddresses::default(), MemoryGeo::default());
    let tick = Duration::from_secs(1);
    DeliveryService::new(repositories, Arc::new(orders), Arc::new(geo), Waker::default(), tick)
}

#[tokio::test(start_paused = true)]
async fn a_round_of_assigning_that_failed_or_lost_to_another_replica_is_retried_before_the_period_is_over() {
    let failing = Disturbed { fails: true.into(), ..Disturbed::default() };
    let losing = Disturbed { is_locked: true.into(), ..Disturbed::default() };
    for dispatch in [failing, losing] {
        let repository = dispatch.twin.clone();
        let order = wait(&repository).await;
        repository.add(&courier(1, 1, 1, &[10])).await.unwrap();

        let job = jobs::assign_orders(service(dispatch), Duration::from_hours(1));
        let _running = testkit::run(|stop| job.run(stop));

        eventually(|| async {
            let Known::Delivery(delivery) = repository.find(order).await.unwrap() else { return None };
            matches!(delivery.state, State::Assigned { .. }).then_some(())
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_courier_that_arrived_in_a_tick_that_failed_later_is_free_at_once() {
    let dispatch = Disturbed { splits_steps: true.into(), ..Disturbed::default() };
    let repository = dispatch.twin.clone();
    for _ in 0..2 {
        wait(&repository).await;
        repository.add(&courier(10, 1, 1, &[10])).await.unwrap();
    }
    let service = service(dispatch);
    let round = service.assign_orders(DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(round.assigned, 2);
    let epoch = repository.lease.acquire(Duration::from_mins(1)).await.unwrap().unwrap();

    assert!(service.move_couriers(epoch, NaiveDate::default()).await.is_err());

    let hour = Duration::from_hours(1);
    tokio::time::timeout(hour / 2, service.wait_to_assign(hour)).await.expect("the job is woken");
}
