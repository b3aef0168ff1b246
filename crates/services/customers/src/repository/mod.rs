//! The repository in PostgreSQL: customers, their checks and loans, with the outbox rows of each change.

mod customers;
mod loans;
mod row;

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::postgres::Database;
use sqlx::migrate::Migrator;

use crate::model::{Customer, Loan};

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/customers");

#[derive(Clone)]
pub struct PgRepository {
    pool: Database,
}

impl PgRepository {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

/// A customer with the times of its creation and last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub customer: Customer,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The result of a saved change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The numbers of held loans that the change made due for credit, and that it refused.
    pub crediting: u64,
    pub refused: u64,
}

/// A due check of this version of the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueCheck {
    pub customer: UserId,
    pub version: i64,
    /// The duration of the caller's lease.
    pub lease: Duration,
}

/// The numbers of held loans that were decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    pub crediting: u64,
    pub refused: u64,
    /// The last loan of the page, if the page was full.
    pub next: Option<Position>,
}

/// A loan's position in the order of receipt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub received_at: DateTime<Utc>,
    pub loan_id: String,
}

/// A page of loans, and the id of its last one if there is another page.
pub type LoanPage = (Vec<Loan>, Option<String>);

/// The lease of a due check or credit doubles with each try, so that a slow checker or payment service gets more time.
const FIRST_LEASE: Duration = Duration::from_secs(2);
const MAX_LEASE: Duration = Duration::from_secs(10);

fn lease(tries: u32) -> Duration {
    FIRST_LEASE.saturating_mul(1 << tries.min(10)).min(MAX_LEASE)
}
