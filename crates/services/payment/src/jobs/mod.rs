//! Jobs, one per file.

mod finish_payments;

pub use finish_payments::finish_payments;
