//! The reconciler: settles payment attempts whose outcome is unknown.

use platform::jobs::Job;

use crate::service::OrderService;

/// Runs in every replica: an attempt is taken by one at a time.
pub fn settle_attempts(service: OrderService) -> Job {
    Job::new("payment-attempts", |stop| async move { service.reconcile(stop).await })
}
