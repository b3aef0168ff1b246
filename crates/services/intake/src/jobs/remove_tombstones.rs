//! Retention: removes the keys of erased orders once their records have expired from the topic.

use platform::jobs::{Done, Job, Retention};

use crate::repository::{TOMBSTONE_BATCH, remove_tombstones as remove};

pub fn remove_tombstones(retention: &Retention) -> Job {
    retention.job("tombstones", |database, age| async move {
        Ok(Done::from_count(remove(&database, age).await?, TOMBSTONE_BATCH))
    })
}
