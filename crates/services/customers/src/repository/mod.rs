//! Storage of customers, their checks and loans, with the outbox rows of each change.

mod customers;
mod loans;
mod postgres;

use std::time::Duration;

pub use customers::{Customers, DueCheck, Known, Saved};
pub use loans::{Decided, LoanPage, Loans, Position};
pub use postgres::{MIGRATIONS, PgRepository};

/// The lease of a due check or credit doubles with each try, so that a slow checker or payment service gets more time.
const FIRST_LEASE: Duration = Duration::from_secs(2);
const MAX_LEASE: Duration = Duration::from_secs(10);

fn lease(tries: u32) -> Duration {
    FIRST_LEASE.saturating_mul(1 << tries.min(10)).min(MAX_LEASE)
}
