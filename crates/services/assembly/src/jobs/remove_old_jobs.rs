//! Retention: removes finished build jobs once their events have expired from the topics.

use platform::jobs::{Done, Job, Retention};

use crate::repository::{JOBS_BATCH, remove_finished};

pub fn remove_old_jobs(retention: &Retention) -> Job {
    retention.job("jobs-retention", |database, age| async move {
        Ok(Done::of(remove_finished(&database, age).await?, JOBS_BATCH))
    })
}
