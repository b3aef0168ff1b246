//! Bot offsets in PostgreSQL: the table `bot_offsets`.

use std::time::Duration;

use async_trait::async_trait;
use platform::postgres::Database;

use crate::{
    error::Error,
    repository::{Offsets, offsets::VALID_FOR},
};

#[derive(Clone)]
pub struct PgOffsets {
    pool: Database,
}

impl PgOffsets {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl Offsets for PgOffsets {
    async fn next(&self, bot: &str) -> Result<i64, Error> {
        let next = sqlx::query_scalar!(
            "select next_update from bot_offsets where bot = $1 and updated_at > now() - make_interval(secs => $2)",
            bot,
            VALID_FOR.as_secs_f64(),
        );
        Ok(next.fetch_optional(&self.pool).await?.unwrap_or_default())
    }

    async fn advance(&self, bot: &str, next: i64) -> Result<bool, Error> {
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

    async fn remove_unused(&self, age: Duration, limit: i64) -> Result<u64, Error> {
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
