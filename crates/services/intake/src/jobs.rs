//! Background jobs.

use std::time::Duration;

use platform::{
    error_chain,
    jobs::{Done, Job, Retention, caught},
    outage::Outage,
    retry,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    repository::{ERASE_BATCH, TOMBSTONE_BATCH, erase_older, remove_tombstones as remove},
    service::IntakeService,
};

/// Until the next poll, the cache may still return an erased order.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Each look-up of erased orders overlaps the previous one by this time, since an order that was read before its
/// erasure may enter the cache after it.
const OVERLAP: Duration = Duration::from_secs(10);

/// Removes from this replica's cache the orders that another replica or the retention job has erased.
///
/// The job runs in every replica, because each has its own cache.
pub fn forget_erased_orders(service: IntakeService) -> Job {
    Job::new("forget-erased", move |stop| run(service, stop))
}

async fn run(service: IntakeService, stop: CancellationToken) -> anyhow::Result<()> {
    let mut outage = Outage::new("forgetting erased orders", "forget-erased");
    let mut looked = Instant::now();
    loop {
        let begun = Instant::now();
        match caught(service.forget_erased_orders(looked.elapsed() + OVERLAP)).await {
            Ok(()) => {
                looked = begun;
                outage.over();
            }
            Err(error) => outage.met(format!("{error:#}")),
        }
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Retention: erases orders that were stored longer ago than `INTAKE_RETENTION`.
pub fn erase_old_orders(retention: &Retention) -> Job {
    retention.job("old-orders", |database, age| async move {
        Ok(Done::from_count(erase_older(&database, age).await?, ERASE_BATCH))
    })
}

/// Limits the preload. After it, the cache fills as orders are stored and read.
const PRELOAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Loads the latest orders into the cache before the service is ready, with retries, for at most [`PRELOAD_TIMEOUT`]:
/// a slow or failing read of old orders must not delay the start further.
pub async fn preload_cache(service: &IntakeService, stop: &CancellationToken) {
    let begun = Instant::now();
    for delay in retry::endless_backoff() {
        let (orders, outcome) = service.preload(begun + PRELOAD_TIMEOUT).await;
        let Err(error) = outcome else {
            return tracing::info!(orders, took = ?begun.elapsed(), "cache preloaded");
        };
        let error = error_chain(error);
        if orders > 0 || begun.elapsed() + delay >= PRELOAD_TIMEOUT {
            return tracing::warn!(orders, error, "cache not preloaded in full");
        }
        tracing::warn!(error, "preloading the cache failed, retrying");
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Retention: removes the keys of erased orders once their records have expired from the topic.
pub fn remove_tombstones(retention: &Retention) -> Job {
    retention.job("tombstones", |database, age| async move {
        Ok(Done::from_count(remove(&database, age).await?, TOMBSTONE_BATCH))
    })
}
