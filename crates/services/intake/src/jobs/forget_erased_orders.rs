//! Removes from this replica's cache the orders that another replica, or the retention, has erased.

use std::time::Duration;

use platform::{jobs::Job, outage::Outage};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::service::IntakeService;

/// The maximum time for which an erased order is still shown.
const PERIOD: Duration = Duration::from_secs(1);
/// How far back each look reaches beyond the one before: an order that was read before it was erased may come into the cache later.
const OVERLAP: Duration = Duration::from_secs(10);

/// Runs in every replica: each has a cache.
pub fn forget_erased_orders(service: IntakeService) -> Job {
    Job::new("forget-erased", move |stop| run(service, stop))
}

async fn run(service: IntakeService, stop: CancellationToken) -> anyhow::Result<()> {
    let mut outage = Outage::new("forgetting erased orders", "forget-erased");
    let mut looked = Instant::now();
    loop {
        let begun = Instant::now();
        match service.forget_erased(looked.elapsed() + OVERLAP).await {
            Ok(()) => {
                looked = begun;
                outage.over();
            }
            Err(error) => outage.met(format!("{:#}", anyhow::Error::from(error))),
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
