//! Moves the couriers by one step per tick, in one replica at a time.

use std::{sync::Arc, time::Duration};

use platform::{
    clock,
    jobs::{Job, caught},
    lease::Lease,
    outage::Outage,
};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::{metrics, service::DeliveryService};

/// A tick that is delayed by more than this counts as late.
const LATE_AFTER: Duration = Duration::from_millis(100);

/// The first tick is one `period` after the start; missed ticks are not made up for. The lease's epoch fences the steps
/// of a replica that was frozen and replaced.
pub fn move_couriers(service: DeliveryService, lease: Arc<dyn Lease>, period: Duration) -> Job {
    Job::new("move-couriers", move |stop| run(service, lease, period, stop))
}

async fn run(
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
