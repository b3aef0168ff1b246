//! Consumed events, one per file.

mod loan_approved;

pub use loan_approved::loan_approved;
