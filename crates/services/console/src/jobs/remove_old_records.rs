//! Retention: deletes records of the timeline that are so old that no topic still has them.

use platform::jobs::{Done, Job, Retention};

use crate::repository::{PgTimeline, Timeline as _};

/// The maximum number of records that are deleted at once.
const BATCH_SIZE: u32 = 5000;

pub fn remove_old_records(retention: &Retention) -> Job {
    retention.job("timeline", |database, age| async move {
        let removed = PgTimeline::new(database).remove_old(age, BATCH_SIZE.into()).await?;
        Ok(Done::from_count(removed, BATCH_SIZE.into()))
    })
}
