//! Keeps the due reservations whose orders exist, and expires the others.

use std::{sync::Arc, time::Duration};

use platform::{
    jobs::{Done, Job},
    lease::Lease,
};

use crate::service::{EXPIRY_BATCH, InventoryService};

/// While order is available, a reservation is kept or expires at most this long after it is due.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(2);

pub fn expire_reservations(service: InventoryService, lease: Arc<dyn Lease>) -> Job {
    Job::periodic("reservations", lease, EXPIRY_INTERVAL, move || {
        let service = service.clone();
        async move { Ok(Done::from_count(service.expire_reservations().await?, EXPIRY_BATCH.into())) }
    })
}
