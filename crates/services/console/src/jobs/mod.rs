//! Background jobs, one per file.

mod follow;
mod remove_old_records;

pub use follow::{follow_couriers, follow_lag, follow_timeline};
pub use remove_old_records::remove_old_records;
