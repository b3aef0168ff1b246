//! Background jobs, one per file.

mod erase_old_orders;
mod forget_erased_orders;
mod preload_cache;
mod remove_tombstones;

pub use erase_old_orders::erase_old_orders;
pub use forget_erased_orders::forget_erased_orders;
use platform::jobs::Job;
pub use preload_cache::preload_cache;
pub use remove_tombstones::remove_tombstones;

use crate::service::IntakeService;

/// Returns the jobs that run over any implementation of the repositories.
pub fn all(service: &IntakeService) -> [Job; 1] {
    [forget_erased_orders(service.clone())]
}
