//! Retention: removes old reported alerts. An alert that still fires after its removal is sent once more.

use platform::jobs::{Done, Job, Retention};

use super::RETENTION_BATCH;
use crate::repository::{Alerts as _, PgAlerts};

pub fn remove_old_alerts(retention: &Retention) -> Job {
    retention.job("alerts", |database, age| async move {
        let removed = PgAlerts::new(database).remove_old(age, RETENTION_BATCH).await?;
        Ok(Done::from_count(removed, RETENTION_BATCH.cast_unsigned()))
    })
}
