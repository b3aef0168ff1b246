//! Jobs, one per file.

mod finish_payments;
mod finish_refunds;
mod report_backlog;

pub use finish_payments::finish_payments;
pub use finish_refunds::finish_refunds;
pub use report_backlog::report_backlog;
