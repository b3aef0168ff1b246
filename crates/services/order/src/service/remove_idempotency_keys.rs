//! Deletes idempotency keys after their retention period.

use std::time::Duration;

use platform::jobs::Done;

use super::OrderService;

/// The maximum number of keys that one run deletes.
const BATCH_SIZE: i64 = 1000;
/// The age at which a key is deleted. Until then, the API promises, a repeated request gets the same response.
const RETENTION: Duration = Duration::from_hours(24);

impl OrderService {
    pub async fn remove_idempotency_keys(&self) -> anyhow::Result<Done> {
        let removed = self.keys.remove(RETENTION, BATCH_SIZE).await?;
        Ok(Done::from_count(removed, BATCH_SIZE.unsigned_abs()))
    }
}
