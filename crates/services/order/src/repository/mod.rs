//! The repositories: traits, each with an implementation over PostgreSQL or Redis and an in-memory implementation.

mod attempts;
mod memory;
mod orders;
mod postgres;
mod redis;
mod status_cache;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::ids::OrderId;

use crate::{
    error::Error,
    model::{Claim, Claimed, RequestOutcome},
};
pub use attempts::{Attempts, LONG_UNSETTLED_TRIES, ReportedEnd, Settlement};
pub use memory::{MemoryOrders, MemoryStatusCache};
pub use orders::{Deliveries, OVERDUE_TAKEN_FOR, OrderTerms, Orders, UNPAID_COUNTS_FOR, UnpaidLimits};
pub use postgres::{Addresses, MIGRATIONS, PgOrders, TEXTS_OF_ENDED_ORDERS};
pub use redis::RedisStatusCache;
pub use status_cache::{CachedStatus, Lookup, StatusCache, StatusKey, StatusKind};

/// The repositories of the service. They share one database.
#[derive(Clone)]
pub struct Repositories {
    pub orders: Arc<dyn Orders>,
    pub attempts: Arc<dyn Attempts>,
    pub keys: Arc<dyn IdempotencyKeys>,
}

impl Repositories {
    pub fn new<R>(repository: Arc<R>) -> Self
    where
        R: Orders + Attempts + IdempotencyKeys + 'static,
    {
        Self { orders: repository.clone(), attempts: repository.clone(), keys: repository }
    }
}

#[async_trait]
pub trait IdempotencyKeys: Send + Sync {
    /// Claims the key for the duration `lease`, for a request about `order`. After another request has taken the key
    /// over, this claim can change nothing.
    async fn claim(&self, claim: &Claim, order: OrderId, lease: Duration) -> Result<Claimed, Error>;
    /// Stores the request's outcome under the key, unless the key has an outcome already. Returns false if the key
    /// belongs to another request.
    async fn complete(&self, claim: &Claim, outcome: &RequestOutcome) -> Result<bool, Error>;
    /// Sets the lease to the duration `lease` from now. Changes nothing if the key belongs to another request or has an
    /// outcome.
    async fn renew(&self, claim: &Claim, lease: Duration) -> Result<(), Error>;
    /// Ends the lease, so that a retry may claim the key at once. Changes nothing if the key belongs to another
    /// request.
    async fn release(&self, claim: &Claim) -> Result<(), Error> {
        self.renew(claim, Duration::ZERO).await
    }
    /// Deletes the key, so that a retry creates another order. Returns false if the key belongs to another request or
    /// has an outcome.
    async fn forget(&self, claim: &Claim) -> Result<bool, Error>;
    /// Deletes at most `limit` keys older than `age`. Returns the number of deleted keys.
    async fn remove(&self, age: Duration, limit: i64) -> Result<u64, Error>;
}
