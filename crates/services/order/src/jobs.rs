//! Background jobs.

use std::{sync::Arc, time::Duration};

use outbox::Lease;
use platform::jobs::{Job, Retention};

use crate::{repository::Addresses, service::OrderService};

/// Returns all jobs. `leases` creates the lease with a given name.
pub fn all(service: &OrderService, leases: impl Fn(&'static str) -> Arc<dyn Lease>) -> [Job; 5] {
    [
        reconcile_payments(service.clone()),
        pay_from_balances(service.clone()),
        cancel_overdue_orders(service.clone(), leases("payment-deadlines")),
        remove_idempotency_keys(service.clone(), leases("idempotency-keys")),
        report_backlog(service.clone()),
    ]
}

/// The job may run in every replica: only one replica at a time takes an attempt.
pub fn reconcile_payments(service: OrderService) -> Job {
    Job::new("payment-attempts", |stop| async move { service.reconcile_payments(stop).await })
}

/// The job may run in every replica: only one replica at a time takes an order.
pub fn pay_from_balances(service: OrderService) -> Job {
    Job::new("self-payments", |stop| async move { service.pay_from_balances(stop).await })
}

const CANCEL_INTERVAL: Duration = Duration::from_secs(1);

pub fn cancel_overdue_orders(service: OrderService, lease: Arc<dyn Lease>) -> Job {
    Job::periodic("payment-deadlines", lease, CANCEL_INTERVAL, move || {
        let service = service.clone();
        async move { service.cancel_overdue_orders().await }
    })
}

const REMOVE_INTERVAL: Duration = Duration::from_mins(1);

pub fn remove_idempotency_keys(service: OrderService, lease: Arc<dyn Lease>) -> Job {
    Job::periodic("idempotency-keys", lease, REMOVE_INTERVAL, move || {
        let service = service.clone();
        async move { service.remove_idempotency_keys().await }
    })
}

/// The job may run in every replica: all report the same number.
pub fn report_backlog(service: OrderService) -> Job {
    Job::reporting("payment-attempts-backlog", move || {
        let service = service.clone();
        async move { service.report_backlog().await }
    })
}

pub fn remove_addresses(retention: &Retention) -> Job {
    retention.job("addresses", |database, age| async move { Ok(Addresses::new(database).remove(age).await?) })
}
