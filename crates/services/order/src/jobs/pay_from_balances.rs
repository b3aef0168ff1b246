//! Pays orders of `/api/orders` from their users' balances.

use platform::jobs::Job;

use crate::service::OrderService;

/// The job may run in every replica: only one replica at a time takes an order.
pub fn pay_from_balances(service: OrderService) -> Job {
    Job::new("self-payments", |stop| async move { service.pay_from_balances(stop).await })
}
