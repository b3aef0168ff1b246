//! Retention: removes finished builds once their events have expired from the topics.

use platform::jobs::{Done, Job, Retention};

use crate::repository::{BUILDS_BATCH, remove_finished};

pub fn remove_old_builds(retention: &Retention) -> Job {
    retention.job("jobs-retention", |database, age| async move {
        Ok(Done::from_count(remove_finished(&database, age).await?, BUILDS_BATCH))
    })
}
