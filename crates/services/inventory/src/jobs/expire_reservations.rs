//! Expires reservations that no order has confirmed in time.

use std::{sync::Arc, time::Duration};

use platform::{
    jobs::{Done, Job},
    lease::Lease,
};

use crate::service::{EXPIRY_BATCH, InventoryService};

/// The delay after which an overdue reservation is noticed.
const PERIOD: Duration = Duration::from_secs(2);

pub fn expire_reservations(service: InventoryService, lease: Arc<dyn Lease>) -> Job {
    Job::periodic("reservations", lease, PERIOD, move || {
        let service = service.clone();
        async move { Ok(Done::of(service.expire().await?, EXPIRY_BATCH.into())) }
    })
}
