//! Sets the gauges of unfinished payments.

use platform::jobs::Job;

use crate::service::PaymentService;

/// Returns the job, which may run in every replica: all report the same numbers.
pub fn report_backlog(service: PaymentService) -> Job {
    Job::new("payment-backlog", |stop| async move {
        service.report_backlog(stop).await;
        Ok(())
    })
}
