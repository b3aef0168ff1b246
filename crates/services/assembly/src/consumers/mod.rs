//! The consumed events, one per file.

mod order_paid;

pub use order_paid::{BuildTimes, order_paid};
