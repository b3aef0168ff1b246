//! Jobs, one per file: expiring reservations periodically, and seeding the catalogue at start.

mod expire_reservations;
mod seed_catalogue;

use std::sync::Arc;

pub use expire_reservations::expire_reservations;
use platform::{jobs::Job, lease::Lease};
pub use seed_catalogue::seed_catalogue;

use crate::service::InventoryService;

/// Returns the jobs that run over any implementation of the repositories. `leases` creates the lease with a given name.
pub fn all(service: &InventoryService, leases: impl Fn(&'static str) -> Arc<dyn Lease>) -> [Job; 1] {
    [expire_reservations(service.clone(), leases("expiry"))]
}
