//! Removes from this replica's cache the orders that another replica or the retention job has erased.

use std::time::Duration;

use platform::{error_chain, jobs::Job, outage::Outage};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::service::IntakeService;

/// How often erased orders are removed from the cache. Until then, the cache may still return them.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How far each look-up of erased orders overlaps the previous one. An order that was read from the database before its erasure may enter
/// the cache after its erasure.
const OVERLAP: Duration = Duration::from_secs(10);

/// Builds the job that removes erased orders from the cache. It runs in every replica, because each replica has a cache.
pub fn forget_erased_orders(service: IntakeService) -> Job {
    Job::new("forget-erased", move |stop| run(service, stop))
}

async fn run(service: IntakeService, stop: CancellationToken) -> anyhow::Result<()> {
    let mut outage = Outage::new("forgetting erased orders", "forget-erased");
    let mut looked = Instant::now();
    loop {
        let begun = Instant::now();
        match service.forget_erased_orders(looked.elapsed() + OVERLAP).await {
            Ok(()) => {
                looked = begun;
                outage.over();
            }
            Err(error) => outage.met(error_chain(error)),
        }
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
