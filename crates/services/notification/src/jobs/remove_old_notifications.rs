//! Retention: removes sent and failed notifications once their events have expired from the topics.

use platform::jobs::{Done, Job, Retention};

use super::RETENTION_BATCH;
use crate::repository::{Notifications as _, PgNotifications};

pub fn remove_old_notifications(retention: &Retention) -> Job {
    retention.job("notifications", |database, age| async move {
        let removed = PgNotifications::new(database).remove_ended(age, RETENTION_BATCH).await?;
        Ok(Done::from_count(removed, RETENTION_BATCH.cast_unsigned()))
    })
}
