//! Background jobs.

use platform::jobs::Job;

use crate::service::PaymentService;

pub fn all(service: &PaymentService) -> [Job; 3] {
    [finish_payments(service.clone()), finish_partial_refunds(service.clone()), report_backlog(service.clone())]
}

/// The job may run in every replica: the database leases each payment to one replica at a time.
pub fn finish_payments(service: PaymentService) -> Job {
    Job::new("finisher", |stop| async move {
        service.finish_payments(stop).await;
        Ok(())
    })
}

/// The job may run in every replica: the database leases each refund to one replica at a time.
pub fn finish_partial_refunds(service: PaymentService) -> Job {
    Job::new("refunds", |stop| async move {
        service.finish_partial_refunds(stop).await;
        Ok(())
    })
}

/// The job may run in every replica: all report the same numbers.
pub fn report_backlog(service: PaymentService) -> Job {
    Job::reporting("payment-backlog", move || {
        let service = service.clone();
        async move { service.report_backlog().await }
    })
}
