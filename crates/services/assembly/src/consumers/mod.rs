//! The consumed events, one per file.

mod order_paid;

pub use order_paid::order_paid;
