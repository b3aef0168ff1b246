//! Exports how many orders wait and how many couriers are free.

use platform::{error_chain, jobs::Job};

use crate::service::DeliveryService;

/// Builds the job that counts. It runs in every replica, each of which exports metrics.
pub fn report_counts(service: DeliveryService) -> Job {
    Job::reporting("report-counts", move || {
        let service = service.clone();
        async move {
            if let Err(error) = service.report_counts().await {
                // The other jobs report that the database is unavailable.
                tracing::debug!(error = error_chain(error), "counts of couriers and deliveries unavailable");
            }
        }
    })
}
