//! The contract of bot offsets: how far the replicas have read each bot's updates.

use std::time::Duration;

use async_trait::async_trait;

use crate::error::Error;

/// After a week without updates, Telegram chooses the next id at random.
pub(super) const VALID_FOR: Duration = Duration::from_hours(6 * 24);

#[async_trait]
pub trait Offsets: Send + Sync {
    /// Returns the id of the first unread update, or 0 if no valid offset is stored.
    async fn next(&self, bot: &str) -> Result<i64, Error>;
    /// Advances the offset to `next`. Returns false if the stored offset is at least `next` already.
    async fn advance(&self, bot: &str, next: i64) -> Result<bool, Error>;
    /// Removes at most `limit` offsets of bots that had no update for `age`. Returns their number.
    async fn remove_unused(&self, age: Duration, limit: i64) -> Result<u64, Error>;
}
