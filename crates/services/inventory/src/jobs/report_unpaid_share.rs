//! Sets the gauge of what unpaid orders hold.

use platform::jobs::Job;

use crate::service::InventoryService;

/// The job may run in every replica: all report the same number.
pub fn report_unpaid_share(service: InventoryService) -> Job {
    Job::reporting("unpaid-share", move || {
        let service = service.clone();
        async move { service.report_unpaid_share().await }
    })
}
