//! Exports how many orders wait and how many couriers are free.

use std::time::Duration;

use platform::{error_chain, jobs::Job};
use tokio_util::sync::CancellationToken;

use crate::service::DeliveryService;

/// The interval between two counts. Prometheus scrapes the metrics at the same interval.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);

/// Builds the job that counts. It runs in every replica, each of which exports metrics.
pub fn report_counts(service: DeliveryService) -> Job {
    Job::new("report-counts", move |stop| run(service, stop))
}

async fn run(service: DeliveryService, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        if let Err(error) = service.report_counts().await {
            // The other jobs report that the database is unavailable.
            tracing::debug!(error = error_chain(error), "counts of couriers and deliveries unavailable");
        }
        tokio::select! {
            () = tokio::time::sleep(COUNT_INTERVAL) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
