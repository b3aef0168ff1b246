//! The repository of idempotency keys.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::OrderId;

use crate::{
    error::Error,
    model::{Claim, Claimed, Outcome},
};

#[async_trait]
pub trait IdempotencyKeys: Send + Sync {
    /// Takes the key for `lease`, for a request about `order`. Once another request has taken it over, this claim changes nothing.
    async fn claim(&self, claim: &Claim, order: OrderId, lease: Duration) -> Result<Claimed, Error>;
    /// Writes the request's outcome to the key, unless it has one already. False when the key is another request's.
    async fn complete(&self, claim: &Claim, outcome: &Outcome) -> Result<bool, Error>;
    /// Ends the lease, so that the request may be repeated at once, unless the key is another request's.
    async fn release(&self, claim: &Claim) -> Result<(), Error>;
    /// Releases the key as if it had never been used, so that a repeat creates another order. Returns false if the key belongs to another
    /// request or has an outcome.
    async fn forget(&self, claim: &Claim) -> Result<bool, Error>;
    /// Removes keys older than `age`, at most `limit`.
    async fn remove(&self, age: Duration, limit: i64) -> Result<u64, Error>;
}
