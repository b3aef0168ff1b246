//! Background jobs.

use std::{sync::Arc, time::Duration};

use outbox::Lease;
use platform::{
    jobs::{Done, Job},
    postgres::DatabaseError,
    retry,
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    model::NewPart,
    service::{EXPIRY_BATCH, InventoryService},
};

/// Returns the jobs that run over any implementation of the repositories. `leases` creates the lease with a given name.
pub fn all(service: &InventoryService, leases: impl Fn(&'static str) -> Arc<dyn Lease>) -> [Job; 2] {
    [expire_reservations(service.clone(), leases("expiry")), report_unpaid_share(service.clone())]
}

/// While order is available, a reservation is kept or expires at most this long after it is due.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(2);

pub fn expire_reservations(service: InventoryService, lease: Arc<dyn Lease>) -> Job {
    Job::periodic("reservations", lease, EXPIRY_INTERVAL, move || {
        let service = service.clone();
        async move { Ok(Done::from_count(service.expire_reservations().await?, EXPIRY_BATCH.into())) }
    })
}

/// The job may run in every replica: all report the same number.
pub fn report_unpaid_share(service: InventoryService) -> Job {
    Job::reporting("unpaid-share", move || {
        let service = service.clone();
        async move { service.report_unpaid_share().await }
    })
}

/// Retries while the database is unavailable, until `stop`.
pub async fn seed_catalogue(
    service: &InventoryService,
    parts: &[NewPart],
    stop: &CancellationToken,
) -> Result<(), Error> {
    let is_unavailable = |error: &Error| matches!(error, Error::Database(DatabaseError::Unavailable(_)));
    retry::while_unavailable("seeding of the catalogue", is_unavailable, stop, || service.seed(parts)).await
}
