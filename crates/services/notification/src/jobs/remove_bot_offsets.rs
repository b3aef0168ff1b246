//! Retention: removes the offsets of bots that are no longer used.

use platform::jobs::{Done, Job, Retention};

use super::RETENTION_BATCH;
use crate::repository::{Offsets as _, PgOffsets};

pub fn remove_bot_offsets(retention: &Retention) -> Job {
    retention.job("bot_offsets", |database, age| async move {
        let removed = PgOffsets::new(database).remove_unused(age, RETENTION_BATCH).await?;
        Ok(Done::from_count(removed, RETENTION_BATCH.cast_unsigned()))
    })
}
