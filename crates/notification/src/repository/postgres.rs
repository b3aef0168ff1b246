//! Notifications in PostgreSQL.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use platform::{outbox, postgres::Database};
use sqlx::{migrate::Migrator, types::Json};
use uuid::Uuid;

use super::{Notifications, Offsets, VALID};
use crate::{
    error::Error,
    model::{Due, Kind, NewNotification, Notification, Status, Verdict},
};

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/notification");

#[derive(Clone)]
pub struct PgNotifications {
    pool: Database,
}

impl PgNotifications {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

fn kind(text: &str) -> Result<Kind, Error> {
    Kind::parse(text).ok_or(Error::Inconsistent("notifications.kind"))
}

#[async_trait]
impl Notifications for PgNotifications {
    async fn queue(&self, consumer: &'static str, event: Uuid, new: &NewNotification) -> Result<bool, Error> {
        let queued = sqlx::query!(
            "with fresh as (
                insert into inbox (consumer, event_uuid) values ($1, $2)
                on conflict do nothing
                returning event_uuid
            )
            insert into notifications (uuid, order_uuid, user_uuid, kind, facts, trace)
            select $3, $4, $5, $6, $7, $8 from fresh
            on conflict (order_uuid, kind) do nothing",
            consumer,
            event,
            new.uuid,
            new.order,
            new.user,
            new.kind.as_str(),
            new.facts,
            outbox::trace(),
        )
        .execute(&self.pool)
        .await?;
        Ok(queued.rows_affected() > 0)
    }

    async fn due(&self, limit: i64, unaddressed: bool, busy: &[String]) -> Result<Vec<Due>, Error> {
        let rows = sqlx::query!(
            r#"select uuid, order_uuid, user_uuid, kind, facts, trace as "trace: Json<HashMap<String, String>>", chat,
                attempts, ambiguous
            from (
                select distinct on (coalesce(chat, uuid::text)) *
                from notifications where status = 'queued'
                order by coalesce(chat, uuid::text), created_at, uuid
            ) as first
            where sending_since is null and next_attempt_at <= now()
              and (chat is not null or $2) and coalesce(chat, uuid::text) <> all($3)
            order by created_at, uuid limit $1"#,
            limit,
            unaddressed,
            busy,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Due {
                    uuid: row.uuid,
                    order: row.order_uuid,
                    user: row.user_uuid,
                    kind: kind(&row.kind)?,
                    facts: row.facts,
                    trace: row.trace.0,
                    chat: row.chat,
                    attempts: row.attempts,
                    ambiguous: row.ambiguous,
                })
            })
            .collect()
    }

    async fn address(&self, uuid: Uuid, chat: &str) -> Result<(), Error> {
        sqlx::query!(
            "update notifications set chat = $2 where uuid = $1 and status = 'queued' and chat is null",
            uuid,
            chat,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn claim(&self, due: &Due) -> Result<bool, Error> {
        let claimed = sqlx::query!(
            "update notifications set sending_since = now(), attempts = attempts + 1
            where uuid = $1 and attempts = $2 and ambiguous = $3 and status = 'queued' and sending_since is null",
            due.uuid,
            due.attempts,
            due.ambiguous,
        )
        .execute(&self.pool)
        .await?;
        Ok(claimed.rows_affected() > 0)
    }

    async fn settle(&self, uuid: Uuid, attempt: i32, verdict: &Verdict) -> Result<(), Error> {
        let (status, pause, problem, unknown) = match verdict {
            Verdict::Sent => (Status::Sent, Duration::ZERO, None, false),
            Verdict::Failed { problem, ambiguous } => (Status::Failed, Duration::ZERO, Some(problem), *ambiguous),
            Verdict::Again { after, problem, ambiguous } => (Status::Queued, *after, Some(problem), *ambiguous),
        };
        sqlx::query!(
            "update notifications set
                status = $3,
                sending_since = null,
                next_attempt_at = now() + make_interval(secs => $4),
                problem = $5,
                ambiguous = ambiguous or $6,
                sent_at = case when $3 = 'sent' then now() end
            where uuid = $1 and status = 'queued' and (attempts = $2 or $3 = 'sent')",
            uuid,
            attempt,
            status.as_str(),
            pause.as_secs_f64(),
            problem,
            unknown,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn give_up(&self, age: Duration) -> Result<u64, Error> {
        let given_up = sqlx::query!(
            "update notifications set
                status = case when ambiguous then 'failed' else 'queued' end,
                ambiguous = true,
                sending_since = null,
                problem = 'nobody knows how the hand-over ended'
            where sending_since <= now() - make_interval(secs => $1)",
            age.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(given_up.rows_affected())
    }

    async fn queued(&self) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(r#"select count(*) as "count!" from notifications where status = 'queued'"#);
        Ok(count.fetch_one(&self.pool).await?)
    }

    async fn of_order(&self, order: Uuid) -> Result<Vec<Notification>, Error> {
        let rows = sqlx::query!(
            "select uuid, order_uuid, user_uuid, kind, status, attempts, ambiguous, created_at, sent_at
            from notifications where order_uuid = $1 order by created_at, uuid",
            order,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Notification {
                    uuid: row.uuid,
                    order: row.order_uuid,
                    user: row.user_uuid,
                    kind: kind(&row.kind)?,
                    status: Status::parse(&row.status).ok_or(Error::Inconsistent("notifications.status"))?,
                    attempts: row.attempts,
                    ambiguous: row.ambiguous,
                    created_at: row.created_at,
                    sent_at: row.sent_at,
                })
            })
            .collect()
    }
}

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
            VALID.as_secs_f64(),
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
            VALID.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(advanced.rows_affected() > 0)
    }
}
