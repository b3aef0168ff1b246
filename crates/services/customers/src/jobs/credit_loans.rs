//! Credits loans through the payment service, with retries until it confirms the credit.

use platform::jobs::Job;

use crate::service::CustomerService;

/// The job runs in every replica; the database leases each loan to one replica at a time.
pub fn credit_loans(service: CustomerService) -> Job {
    Job::new("credit-loans", |stop| async move {
        service.credit_loans(stop).await;
        Ok(())
    })
}
