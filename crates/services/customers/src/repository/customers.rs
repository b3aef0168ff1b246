//! The trait of customers and of the checks of their identity.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{Customer, Event},
};

/// A customer with its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub customer: Customer,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What was written with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The held loans that become due for credit, and those that are refused.
    pub crediting: u64,
    pub refused: u64,
}

/// A check that is due: the checker is asked about this version of the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueCheck {
    pub customer: UserId,
    pub version: i64,
    /// The duration of this replica's lease.
    pub lease: Duration,
}

#[async_trait]
pub trait Customers: Send + Sync {
    async fn find(&self, customer: UserId) -> Result<Option<Known>, Error>;
    /// Writes a change with its event, its step of the saga, and the decision about held loans, in one statement. `before` is the version
    /// that was read, none for a new customer. None, and nothing is written, if the customer has another version by now.
    async fn save(&self, before: Option<i64>, customer: &Customer, event: &Event) -> Result<Option<Saved>, Error>;
    /// Takes at most `limit` checks without a verdict that are due, those with the fewest tries first. Each is leased to the caller, and
    /// due again afterwards.
    async fn due_checks(&self, limit: i64) -> Result<Vec<DueCheck>, Error>;
}
