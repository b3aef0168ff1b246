//! Settles payments with an unknown outcome and makes pending refunds.

use platform::jobs::Job;

use crate::service::PaymentService;

/// Runs in every replica: the database leases each payment to one at a time.
pub fn finish_payments(service: PaymentService) -> Job {
    Job::new("finisher", |stop| async move {
        service.finish_due(stop).await;
        Ok(())
    })
}
