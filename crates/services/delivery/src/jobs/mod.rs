//! Background jobs, one per file.

mod assign_orders;
mod move_couriers;
mod remove_early_events;
mod report_counts;
mod seed_couriers;

use std::{sync::Arc, time::Duration};

pub use assign_orders::assign_orders;
pub use move_couriers::move_couriers;
use platform::{jobs::Job, lease::Lease};
pub use remove_early_events::remove_early_events;
pub use report_counts::report_counts;
pub use seed_couriers::seed_couriers;

use crate::{repository::LEASE_NAME, service::DeliveryService};

/// Returns the jobs that run over any implementation of the repositories. `assign_every` is the period of
/// [`assign_orders`], `move_every` that of [`move_couriers`]. `leases` creates the lease with a given name.
pub fn all(
    service: &DeliveryService,
    assign_every: Duration,
    move_every: Duration,
    leases: impl Fn(&'static str) -> Arc<dyn Lease>,
) -> [Job; 3] {
    [
        assign_orders(service.clone(), assign_every),
        move_couriers(service.clone(), leases(LEASE_NAME), move_every),
        report_counts(service.clone()),
    ]
}
