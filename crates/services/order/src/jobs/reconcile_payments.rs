//! The reconciler: settles payment attempts whose outcome is unknown.

use platform::jobs::Job;

use crate::service::OrderService;

/// The job may run in every replica: only one replica at a time takes an attempt.
pub fn reconcile_payments(service: OrderService) -> Job {
    Job::new("payment-attempts", |stop| async move { service.reconcile_payments(stop).await })
}
