//! Background jobs, one per file.

mod finish_ships;
mod remove_old_jobs;

pub use finish_ships::finish_ships;
pub use remove_old_jobs::remove_old_jobs;
