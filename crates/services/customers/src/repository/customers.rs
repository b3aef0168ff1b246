//! The trait of the repository of customers and their checks.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{Customer, Event},
};

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

#[async_trait]
pub trait Customers: Send + Sync {
    async fn find(&self, customer: UserId) -> Result<Option<Known>, Error>;
    /// Writes a change in one statement: the customer with its profile, the event, the check that the change starts or
    /// ends, and the decision about held loans. Erases the stored profile of a customer without one.
    ///
    /// `before` is the version that was read; `None` for a new customer. If the customer has another version by now,
    /// writes nothing and returns `None`.
    async fn save(&self, before: Option<i64>, customer: &Customer, event: &Event) -> Result<Option<Saved>, Error>;
    /// Leases at most `limit` due checks without a verdict to the caller, those with the fewest tries first. A check is
    /// due again when its lease expires.
    async fn due_checks(&self, limit: i64) -> Result<Vec<DueCheck>, Error>;
}
