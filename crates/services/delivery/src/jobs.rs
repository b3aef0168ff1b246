//! Background jobs.

use std::{sync::Arc, time::Duration};

use outbox::Lease;
use platform::{
    clock, error_chain,
    jobs::{Done, Job, Retention, caught},
    outage::Outage,
    postgres::DatabaseError,
    retry,
};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    metrics,
    model::NewCourier,
    repository::{EARLY_BATCH, LEASE_NAME, remove_early},
    service::DeliveryService,
};

/// Returns the jobs that run over any implementation of the repositories. `assign_every` is the period of
/// [`assign_orders`], `move_every` that of [`move_couriers`]. `leases` creates the lease with a given name.
pub fn all(
    service: &DeliveryService,
    assign_every: Duration,
    move_every: Duration,
    leases: impl Fn(&'static str) -> Arc<dyn Lease>,
) -> [Job; 3] {
    [
        assign_orders(service.clone(), assign_every),
        move_couriers(service.clone(), leases(LEASE_NAME), move_every),
        report_counts(service.clone()),
    ]
}

/// Assigns waiting orders to free couriers: at once when an order or a courier becomes available in this replica,
/// otherwise periodically.
///
/// The job runs in every replica. The first replica whose statement locks an order and its courier assigns the order.
pub fn assign_orders(service: DeliveryService, period: Duration) -> Job {
    Job::new("assign-orders", move |stop| keep_assigning(service, period, stop))
}

async fn keep_assigning(service: DeliveryService, period: Duration, stop: CancellationToken) -> anyhow::Result<()> {
    let mut outage = Outage::new("assigning", "assign-orders");
    let mut backoff = retry::endless_backoff();
    loop {
        let is_complete = match caught(service.assign_orders(clock::now())).await {
            Ok(round) => {
                outage.over();
                round.is_complete
            }
            Err(error) => {
                outage.met(format!("{error:#}"));
                false
            }
        };
        // The next round is soon if orders may be left, since the period may be a week.
        let delay = if is_complete {
            backoff = retry::endless_backoff();
            period
        } else {
            backoff.next().map_or(period, |delay| delay.min(period))
        };
        tokio::select! {
            () = service.wait_to_assign(delay) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// A tick that is delayed by more than this counts as late.
const LATE_AFTER: Duration = Duration::from_millis(100);

/// Moves the couriers by one step per tick, in one replica at a time.
///
/// The first tick is one `period` after the start; missed ticks are not made up for. The lease's epoch fences the steps
/// of a replica that was frozen and replaced.
pub fn move_couriers(service: DeliveryService, lease: Arc<dyn Lease>, period: Duration) -> Job {
    Job::new("move-couriers", move |stop| keep_moving(service, lease, period, stop))
}

async fn keep_moving(
    service: DeliveryService,
    lease: Arc<dyn Lease>,
    period: Duration,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    // Longer than a period, so that the holder keeps the lease; short, so that another replica soon takes over.
    let ttl = period + Duration::from_secs(2);
    let mut outage = Outage::new("moving", "move-couriers");
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut held = None;
    loop {
        let due = tokio::select! {
            due = ticks.tick() => due,
            () = stop.cancelled() => break,
        };
        let is_late = due.elapsed() > LATE_AFTER;
        match caught(tick(&service, &*lease, ttl)).await {
            Ok(epoch) => {
                held = epoch;
                if epoch.is_some() {
                    metrics::ticked(is_late);
                }
                outage.over();
            }
            Err(error) => outage.met(format!("{error:#}")),
        }
    }
    if let Some(epoch) = held {
        // If the release fails, the lease expires by itself.
        let _ = tokio::time::timeout(Duration::from_millis(500), lease.release(epoch)).await;
    }
    Ok(())
}

/// Performs one tick if this replica has the lease. Returns the lease's epoch, or `None` if another replica has it.
async fn tick(service: &DeliveryService, lease: &dyn Lease, ttl: Duration) -> anyhow::Result<Option<i64>> {
    let epoch = lease.acquire(ttl).await?;
    if let Some(epoch) = epoch {
        service.move_couriers(epoch, clock::now().date_naive()).await?;
    }
    Ok(epoch)
}

/// Exports the numbers of orders and couriers by state.
///
/// Runs in every replica, since each exports metrics.
pub fn report_counts(service: DeliveryService) -> Job {
    Job::reporting("report-counts", move || {
        let service = service.clone();
        async move {
            if let Err(error) = service.report_counts().await {
                // The other jobs warn that the database is unavailable.
                tracing::debug!(error = error_chain(error), "counts of couriers and deliveries unavailable");
            }
        }
    })
}

/// Retention: removes the early events of orders whose `order.paid` never arrived.
pub fn remove_early_events(retention: &Retention) -> Job {
    retention.job("early-events", |database, age| async move {
        Ok(Done::from_count(remove_early(&database, age).await?, EARLY_BATCH))
    })
}

/// Adds the first couriers that the database does not have yet.
///
/// Retries while the database is unavailable, until `stop`.
pub async fn seed_couriers(
    service: &DeliveryService,
    couriers: &[NewCourier],
    stop: &CancellationToken,
) -> Result<(), Error> {
    let is_unavailable = |error: &Error| matches!(error, Error::Database(DatabaseError::Unavailable(_)));
    retry::while_unavailable("seeding of couriers", is_unavailable, stop, || service.seed(couriers)).await
}
