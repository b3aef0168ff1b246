//! The events that assembly consumes, a file each.

mod order_paid;

pub use order_paid::{BuildTimes, order_paid};
