//! Jobs, one per file.

mod finish_payments;
mod report_backlog;

pub use finish_payments::finish_payments;
pub use report_backlog::report_backlog;
