//! Sets the gauge of attempts to pay that stay unsettled.

use platform::jobs::Job;

use crate::service::OrderService;

/// The job may run in every replica: all report the same number.
pub fn report_backlog(service: OrderService) -> Job {
    Job::reporting("payment-attempts-backlog", move || {
        let service = service.clone();
        async move { service.report_backlog().await }
    })
}
