//! Jobs, one per file.

mod finish_partial_refunds;
mod finish_payments;
mod report_backlog;

pub use finish_partial_refunds::finish_partial_refunds;
pub use finish_payments::finish_payments;
use platform::jobs::Job;
pub use report_backlog::report_backlog;

use crate::service::PaymentService;

pub fn all(service: &PaymentService) -> [Job; 3] {
    [finish_payments(service.clone()), finish_partial_refunds(service.clone()), report_backlog(service.clone())]
}
