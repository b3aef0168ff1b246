//! Background jobs.

use platform::jobs::{Done, Job, Retention};

use crate::{
    repository::PgTimeline,
    service::{Couriers, Live},
};

/// The maximum number of records that are deleted at once.
const BATCH_SIZE: u32 = 5000;

/// The jobs of every replica, for the open event streams.
pub fn all(live: Live, couriers: Couriers) -> [Job; 2] {
    [Job::new("follow-timeline", |stop| live.follow(stop)), Job::new("follow-couriers", |stop| couriers.follow(stop))]
}

/// Deletes records of the timeline that are so old that no topic still has them.
pub fn remove_old_records(retention: &Retention) -> Job {
    retention.job("timeline", |database, age| async move {
        let removed = PgTimeline::new(database).remove_old(age, BATCH_SIZE.into()).await?;
        Ok(Done::from_count(removed, BATCH_SIZE.into()))
    })
}
