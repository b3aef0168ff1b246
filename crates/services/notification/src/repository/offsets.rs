//! Bot offsets, in the table `bot_offsets`: how far the replicas have read each bot's updates.

use std::time::Duration;

use platform::postgres::Database;

use crate::error::Error;

/// After a week without updates, Telegram chooses the next id at random.
const VALID_FOR: Duration = Duration::from_hours(6 * 24);

#[derive(Clone)]
pub struct PgOffsets {
    pool: Database,
}

impl PgOffsets {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }

    /// Returns the id of the first unread update, or 0 if no valid offset is stored.
    pub async fn next(&self, bot: &str) -> Result<i64, Error> {
        let next = sqlx::query_scalar!(
            "select next_update from bot_offsets where bot = $1 and updated_at > now() - make_interval(secs => $2)",
            bot,
            VALID_FOR.as_secs_f64(),
        );
        Ok(next.fetch_optional(&self.pool).await?.unwrap_or_default())
    }

    /// Advances the offset to `next`. Returns false if the stored offset is at least `next` already.
    pub async fn advance(&self, bot: &str, next: i64) -> Result<bool, Error> {
        let advanced = sqlx::query!(
            "insert into bot_offsets (bot, next_update) values ($1, $2)
            on conflict (bot) do update set next_update = excluded.next_update, updated_at = now()
            where bot_offsets.next_update < excluded.next_update
               or bot_offsets.updated_at <= now() - make_interval(secs => $3)",
            bot,
            next,
            VALID_FOR.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(advanced.rows_affected() > 0)
    }

    /// Removes at most `limit` offsets of bots that had no update for `age`. Returns their number.
    pub async fn remove_unused(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let removed = sqlx::query!(
            "delete from bot_offsets where bot in (
                select bot from bot_offsets where updated_at < now() - make_interval(secs => $1) limit $2)",
            age.max(VALID_FOR).as_secs_f64(),
            limit,
        )
        .execute(&self.pool)
        .await?;
        Ok(removed.rows_affected())
    }
}
