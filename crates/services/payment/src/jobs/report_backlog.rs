//! Sets the gauges of unfinished payments.

use platform::jobs::Job;

use crate::service::PaymentService;

/// The job may run in every replica: all report the same numbers.
pub fn report_backlog(service: PaymentService) -> Job {
    Job::reporting("payment-backlog", move || {
        let service = service.clone();
        async move { service.report_backlog().await }
    })
}
