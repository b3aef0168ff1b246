//! Background jobs, one per file.

mod cancel_overdue_orders;
mod pay_from_balance;
mod remove_idempotency_keys;
mod settle_attempts;

pub use cancel_overdue_orders::cancel_overdue_orders;
pub use pay_from_balance::pay_from_balance;
pub use remove_idempotency_keys::remove_idempotency_keys;
pub use settle_attempts::settle_attempts;
