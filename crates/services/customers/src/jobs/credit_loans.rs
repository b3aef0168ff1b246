//! Credits loans through the payment service, and retries until it has confirmed the credit.

use platform::jobs::Job;

use crate::service::CustomerService;

/// Builds the job that credits loans. It runs in every replica; the database leases each loan to one replica at a time.
pub fn credit_loans(service: CustomerService) -> Job {
    Job::new("credit-loans", |stop| async move {
        service.credit_loans(stop).await;
        Ok(())
    })
}
