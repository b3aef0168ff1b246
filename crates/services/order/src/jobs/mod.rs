//! Background jobs, one per file.

mod cancel_overdue_orders;
mod pay_from_balances;
mod reconcile_payments;
mod remove_idempotency_keys;

pub use cancel_overdue_orders::cancel_overdue_orders;
pub use pay_from_balances::pay_from_balances;
pub use reconcile_payments::reconcile_payments;
pub use remove_idempotency_keys::remove_idempotency_keys;
