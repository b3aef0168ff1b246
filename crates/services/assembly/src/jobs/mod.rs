//! Background jobs, one per file.

mod finish_builds;
mod remove_old_builds;

pub use finish_builds::finish_builds;
use platform::jobs::Job;
pub use remove_old_builds::remove_old_builds;

use crate::service::AssemblyService;

/// Returns the jobs that run over any implementation of the repositories.
pub fn all(service: &AssemblyService) -> [Job; 1] {
    [finish_builds(service.clone())]
}
