//! Asks the checker about each customer until it has decided.

use platform::jobs::Job;

use crate::service::CustomerService;

/// The job runs in every replica; the database leases each check to one replica at a time.
pub fn check_customers(service: CustomerService) -> Job {
    Job::new("check-customers", |stop| async move {
        service.check_customers(stop).await;
        Ok(())
    })
}
