//! How long jobs stay.

use std::time::Duration;

use platform::postgres::Database;

use crate::error::Error;

/// Jobs deleted at once.
pub const JOBS_BATCH: u64 = 5_000;

/// Deletes jobs that ended longer ago than `age`, a bounded batch. Answers how many.
///
/// A job is what a repeated `OrderPaid` finds: it must outlive the event's records, and its inbox row.
pub async fn remove_finished(pool: &Database, age: Duration) -> Result<u64, Error> {
    let removed = sqlx::query!(
        "delete from jobs where order_uuid in (
            select order_uuid from jobs where finished_at < now() - make_interval(secs => $1)
            order by finished_at limit $2)",
        age.as_secs_f64(),
        JOBS_BATCH.cast_signed(),
    )
    .execute(pool)
    .await?;
    Ok(removed.rows_affected())
}
