//! Deletes old published rows.

use std::time::Duration;

use crate::postgres::Database;

/// The maximum number of rows that one statement deletes.
pub const SWEEP_BATCH: u64 = 5_000;

/// Deletes a bounded batch of rows published longer ago than `age`. Returns their number.
pub async fn sweep(pool: &Database, age: Duration) -> anyhow::Result<u64> {
    let swept = sqlx::query!(
        "delete from outbox where id = any(array(
            select id from outbox where published_at < now() - make_interval(secs => $1) order by published_at limit $2))",
        age.as_secs_f64(),
        SWEEP_BATCH.cast_signed(),
    )
    .execute(pool)
    .await?;
    Ok(swept.rows_affected())
}
