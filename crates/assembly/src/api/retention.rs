//! Retention: removes rows whose events are in no topic any more.

use std::time::Duration;

use platform::postgres::Database;
use platform::sweeper::{Done, Sweepers};

use crate::repository::{JOBS_BATCH, remove_finished};

/// How often each table is looked at.
const PERIOD: Duration = Duration::from_mins(1);

/// Starts the jobs that remove rows of inbox, outbox and jobs older than `keep`.
pub fn remove_old_rows(sweepers: Sweepers<'_>, pool: Database, keep: Duration) {
    let batch = move || {
        let pool = pool.clone();
        async move { Ok(Done::of(remove_finished(&pool, keep).await?, JOBS_BATCH)) }
    };
    sweepers.every(PERIOD, "jobs-retention", batch).outbox(keep).inbox(keep);
}
