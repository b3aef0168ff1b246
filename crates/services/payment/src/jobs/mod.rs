//! Background jobs, a file each.

mod finish_payments;

pub use finish_payments::finish_payments;
