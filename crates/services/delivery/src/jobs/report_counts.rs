//! Exports the numbers of orders and couriers by state.

use platform::{error_chain, jobs::Job};

use crate::service::DeliveryService;

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
