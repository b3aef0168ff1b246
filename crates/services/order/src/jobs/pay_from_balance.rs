//! Pays orders of `/api/orders` from their users' balances.

use platform::jobs::Job;

use crate::service::OrderService;

/// Runs in every replica: an order is taken by one at a time.
pub fn pay_from_balance(service: OrderService) -> Job {
    Job::new("self-payments", |stop| async move { service.pay_from_balances(stop).await })
}
