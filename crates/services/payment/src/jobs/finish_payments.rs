//! Finishes payments whose outcome is unknown, and refunds that are not made yet.

use platform::jobs::Job;

use crate::service::PaymentService;

/// Runs in every replica: the database gives each payment to one at a time.
pub fn finish_payments(service: PaymentService) -> Job {
    Job::new("finisher", |stop| async move {
        service.finish_due(stop).await;
        Ok(())
    })
}
