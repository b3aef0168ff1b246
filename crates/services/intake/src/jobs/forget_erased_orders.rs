//! Removes from this replica's cache the orders that another replica or the retention job has erased.

use std::time::Duration;

use platform::{
    jobs::{Job, caught},
    outage::Outage,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::service::IntakeService;

/// Until the next poll, the cache may still return an erased order.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How far each look-up of erased orders overlaps the previous one: an order that was read before its erasure may enter
/// the cache after it.
const OVERLAP: Duration = Duration::from_secs(10);

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
