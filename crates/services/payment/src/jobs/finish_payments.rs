//! Settles payments with an unknown outcome and executes pending refunds.

use platform::jobs::Job;

use crate::service::PaymentService;

/// The job may run in every replica: the database leases each payment to one replica at a time.
pub fn finish_payments(service: PaymentService) -> Job {
    Job::new("finisher", |stop| async move {
        service.finish_payments(stop).await;
        Ok(())
    })
}
