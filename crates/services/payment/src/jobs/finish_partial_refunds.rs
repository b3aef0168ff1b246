//! Makes the partial refunds that were recorded but not made by their request.

use platform::jobs::Job;

use crate::service::PaymentService;

/// The job may run in every replica: the database leases each refund to one replica at a time.
pub fn finish_partial_refunds(service: PaymentService) -> Job {
    Job::new("refunds", |stop| async move {
        service.finish_partial_refunds(stop).await;
        Ok(())
    })
}
