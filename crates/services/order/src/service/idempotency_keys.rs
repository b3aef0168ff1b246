//! Retention of idempotency keys.

use std::time::Duration;

use platform::jobs::Done;

use super::OrderService;

/// Keys removed by one run.
const BATCH: i64 = 1000;
/// How long a key stays: as long as the API promises the same answer to a repeat.
const RETENTION: Duration = Duration::from_hours(24);

impl OrderService {
    /// Removes expired idempotency keys.
    pub async fn remove_idempotency_keys(&self) -> anyhow::Result<Done> {
        let removed = self.keys.remove(RETENTION, BATCH).await?;
        Ok(Done::of(removed, BATCH.unsigned_abs()))
    }
}
