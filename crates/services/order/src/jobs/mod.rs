//! Background jobs, one per file.

mod cancel_overdue_orders;
mod pay_from_balances;
mod reconcile_payments;
mod remove_addresses;
mod remove_idempotency_keys;
mod report_backlog;

use std::sync::Arc;

pub use cancel_overdue_orders::cancel_overdue_orders;
pub use pay_from_balances::pay_from_balances;
use platform::{jobs::Job, lease::Lease};
pub use reconcile_payments::reconcile_payments;
pub use remove_addresses::remove_addresses;
pub use remove_idempotency_keys::remove_idempotency_keys;
pub use report_backlog::report_backlog;

use crate::service::OrderService;

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
