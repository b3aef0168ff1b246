//! Jobs, one per file.

mod expire_reservations;
mod report_unpaid_share;
mod seed_catalogue;

use std::sync::Arc;

pub use expire_reservations::expire_reservations;
use platform::{jobs::Job, lease::Lease};
pub use report_unpaid_share::report_unpaid_share;
pub use seed_catalogue::seed_catalogue;

use crate::service::InventoryService;

/// Returns the jobs that run over any implementation of the repositories. `leases` creates the lease with a given name.
pub fn all(service: &InventoryService, leases: impl Fn(&'static str) -> Arc<dyn Lease>) -> [Job; 2] {
    [expire_reservations(service.clone(), leases("expiry")), report_unpaid_share(service.clone())]
}
