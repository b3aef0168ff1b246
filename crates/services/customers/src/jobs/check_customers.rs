//! Asks the checker about customers until it has decided.

use platform::jobs::Job;

use crate::service::CustomerService;

/// Runs in every replica: the database leases each check to one at a time.
pub fn check_customers(service: CustomerService) -> Job {
    Job::new("check-customers", |stop| async move {
        service.check_due(stop).await;
        Ok(())
    })
}
