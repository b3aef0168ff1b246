//! Background jobs, one per file.

mod finish_builds;
mod remove_old_builds;

pub use finish_builds::finish_builds;
use platform::jobs::Job;
pub use remove_old_builds::remove_old_builds;

use crate::service::AssemblyService;

/// Returns the jobs of the service, over any implementation of its repositories.
pub fn all(service: &AssemblyService) -> [Job; 1] {
    [finish_builds(service.clone())]
}
