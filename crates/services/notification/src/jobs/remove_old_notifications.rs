//! Retention: removes ended notifications whose events are in no topic any more.

use platform::jobs::{Done, Job, Retention};

use super::RETENTION_BATCH;
use crate::repository::{Notifications as _, PgNotifications};

pub fn remove_old_notifications(retention: &Retention) -> Job {
    retention.job("notifications", |database, age| async move {
        let removed = PgNotifications::new(database).forget(age, RETENTION_BATCH).await?;
        Ok(Done::of(removed, RETENTION_BATCH.cast_unsigned()))
    })
}
