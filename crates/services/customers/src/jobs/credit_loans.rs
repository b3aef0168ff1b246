//! Credits loans through payment until it has answered.

use platform::jobs::Job;

use crate::service::CustomerService;

/// Runs in every replica: the database leases each loan to one at a time.
pub fn credit_loans(service: CustomerService) -> Job {
    Job::new("credit-loans", |stop| async move {
        service.credit_due(stop).await;
        Ok(())
    })
}
