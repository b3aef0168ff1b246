//! Background jobs, one per file.

mod assign_orders;
mod move_couriers;
mod remove_early_events;
mod report_counts;
mod seed_couriers;

pub use assign_orders::assign_orders;
pub use move_couriers::move_couriers;
pub use remove_early_events::remove_early_events;
pub use report_counts::report_counts;
pub use seed_couriers::seed_couriers;
