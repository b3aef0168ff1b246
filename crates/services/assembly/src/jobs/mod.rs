//! Background jobs, one per file.

mod finish_builds;
mod remove_old_builds;

pub use finish_builds::finish_builds;
pub use remove_old_builds::remove_old_builds;
