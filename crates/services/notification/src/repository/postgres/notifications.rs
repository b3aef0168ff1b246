//! The notification queue in PostgreSQL: the table `notifications`.
//!
//! Statistics may date from a moment when the queue was empty; then the planner rates every index of the queue the same. So the
//! conditions leave it one choice: `status not in (…)` matches the two indexes made for it and no other, and `is not distinct from`
//! is an equality that matches no partial index. See [`prefer_index_scans`](super::prefer_index_scans).

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use contracts::ids::{EventId, OrderId, UserId};
use platform::{
    outbox,
    postgres::{Database, DatabaseError},
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Attempt, Batch, Due, Kind, NewNotification, Notification, NotificationId, Outcome, Status},
    repository::{BATCH, CHATS, DuePage, Notifications},
};

#[derive(Clone)]
pub struct PgNotifications {
    pool: Database,
}

impl PgNotifications {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

fn kind(id: NotificationId, text: &str) -> Result<Kind, DatabaseError> {
    Kind::parse(text).ok_or_else(|| DatabaseError::inconsistent("notifications", "kind", id))
}

fn status(id: NotificationId, text: &str) -> Result<Status, DatabaseError> {
    Status::parse(text).ok_or_else(|| DatabaseError::inconsistent("notifications", "status", id))
}

fn uuids(ids: &[NotificationId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.uuid()).collect()
}

#[async_trait]
impl Notifications for PgNotifications {
    async fn queue(&self, consumer: &'static str, event: EventId, new: &NewNotification) -> Result<bool, Error> {
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
            event.uuid(),
            new.id.uuid(),
            new.order.uuid(),
            new.user.uuid(),
            new.kind.as_str(),
            new.facts,
            outbox::trace(),
        )
        .execute(&self.pool)
        .await?;
        Ok(queued.rows_affected() > 0)
    }

    async fn without_chat(&self, limit: i64, busy: &[NotificationId]) -> Result<Vec<Due>, Error> {
        let rows = sqlx::query!(
            r#"select uuid as "id: NotificationId", order_uuid as "order: OrderId", user_uuid as "user: UserId", kind, facts,
                trace as "trace: Json<HashMap<String, String>>", attempts
            from notifications
            where status not in ('sent', 'failed') and chat is null and uuid <> all($2)
            order by created_at, uuid limit $1"#,
            limit,
            &uuids(busy),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Due {
                    id: row.id,
                    order: row.order,
                    user: row.user,
                    kind: kind(row.id, &row.kind)?,
                    facts: row.facts,
                    trace: row.trace.0,
                    attempts: row.attempts,
                })
            })
            .collect()
    }

    async fn set_chat(&self, notifications: &[NotificationId], chat: &str) -> Result<(), Error> {
        sqlx::query!(
            "update notifications set chat = $2
            where uuid = any($1) and chat is null and status is not distinct from 'queued'",
            &uuids(notifications),
            chat,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Skips from each chat's first row to the next chat's by one probe of the index `notifications_waiting`, without reading the
    /// rows in between.
    async fn due(&self, after: &str, repeats: bool, limit: i32, busy: &[String]) -> Result<DuePage, Error> {
        let rows = sqlx::query!(
            r#"with recursive head as (
                (select chat, due, due::int as found, 1 as looked from (
                    select chat, sending_since is null and next_attempt_at <= now() and chat <> all($4) as due
                    from notifications
                    where status not in ('sent', 'failed') and ambiguous = $2 and chat > $1
                    order by chat, created_at, uuid limit 1
                ) as first)
                union all
                select next.chat, next.due, head.found + next.due::int, head.looked + 1
                from head cross join lateral (
                    select chat, sending_since is null and next_attempt_at <= now() and chat <> all($4) as due
                    from notifications
                    where status not in ('sent', 'failed') and ambiguous = $2 and chat > head.chat
                    order by chat, created_at, uuid limit 1
                ) as next
                where head.looked < $5 and head.found < $3
            )
            select last.chat as "last!", last.looked = $5 or last.found = $3 as "more!", waiting.chat as "chat?",
                waiting.uuid as "id?: NotificationId", waiting.order_uuid as "order?: OrderId",
                waiting.user_uuid as "user?: UserId",
                waiting.kind as "kind?", waiting.facts as "facts?",
                waiting.trace as "trace?: Json<HashMap<String, String>>", waiting.attempts as "attempts?"
            from (select chat, looked, found from head order by looked desc limit 1) as last
            left join (
                select head.looked, own.*
                from head cross join lateral (
                    select * from notifications
                    where status not in ('sent', 'failed') and ambiguous = $2 and chat = head.chat and sending_since is null
                    order by created_at, uuid limit $6
                ) as own
                where head.due
            ) as waiting on true
            order by waiting.looked, waiting.created_at, waiting.uuid"#,
            after,
            repeats,
            limit,
            busy,
            CHATS,
            BATCH,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut page = DuePage::default();
        for row in rows {
            page.next = row.more.then_some(row.last);
            let columns = (row.chat, row.id, row.order, row.user, row.kind, row.facts, row.trace, row.attempts);
            // When no chat is due, one row says how far the page went.
            let (Some(chat), Some(id), Some(order), Some(user), Some(name), Some(facts), Some(trace), Some(attempts)) =
                columns
            else {
                continue;
            };
            let due = Due { id, order, user, kind: kind(id, &name)?, facts, trace: trace.0, attempts };
            match page.batches.last_mut().filter(|batch| batch.chat == chat) {
                Some(batch) => batch.waiting.push(due),
                None => page.batches.push(Batch { chat, ambiguous: repeats, waiting: vec![due] }),
            }
        }
        Ok(page)
    }

    async fn claim(&self, batch: &Batch) -> Result<bool, Error> {
        let (uuids, attempts): (Vec<Uuid>, Vec<i32>) =
            batch.waiting.iter().map(|due| (due.id.uuid(), due.attempts)).unzip();
        // Rows are locked in the order of their uuids, so that two replicas that claim the same rows do not deadlock.
        let claimed = sqlx::query!(
            "with held as (
                select uuid, attempts, ambiguous, status, sending_since
                from notifications where uuid = any($1)
                order by uuid
                for update
            ),
            free as (
                select held.uuid
                from held join unnest($1::uuid[], $2::integer[]) as read (uuid, attempts) using (uuid, attempts)
                where ambiguous = $3 and status = 'queued' and sending_since is null
            )
            update notifications set sending_since = now(), attempts = attempts + 1
            where uuid = any($1) and (select count(*) from free) = cardinality($1::uuid[])",
            &uuids,
            &attempts,
            batch.ambiguous,
        )
        .execute(&self.pool)
        .await?;
        Ok(claimed.rows_affected() > 0)
    }

    async fn settle(&self, attempts: &[Attempt], outcome: &Outcome) -> Result<(), Error> {
        let (uuids, numbers): (Vec<Uuid>, Vec<i32>) =
            attempts.iter().map(|attempt| (attempt.notification.uuid(), attempt.number)).unzip();
        let (status, backoff, problem, ambiguous) = match outcome {
            Outcome::Sent => (Status::Sent, Duration::ZERO, None, false),
            Outcome::Failed { problem, ambiguous } => (Status::Failed, Duration::ZERO, Some(problem), *ambiguous),
            Outcome::Retry { after, problem, ambiguous } => (Status::Queued, *after, Some(problem), *ambiguous),
        };
        sqlx::query!(
            "update notifications set
                status = $3,
                sending_since = null,
                next_attempt_at = now() + make_interval(secs => $4),
                problem = $5,
                ambiguous = ambiguous or $6,
                sent_at = case when $3 = 'sent' then now() end
            from unnest($1::uuid[], $2::integer[]) as attempt (uuid, number)
            where notifications.uuid = attempt.uuid and status is not distinct from 'queued'
              and (attempts = attempt.number or $3 = 'sent')",
            &uuids,
            &numbers,
            status.as_str(),
            backoff.as_secs_f64(),
            problem,
            ambiguous,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn expire_attempts(&self, age: Duration) -> Result<u64, Error> {
        let expired = sqlx::query!(
            "update notifications set
                status = case when ambiguous then 'failed' else 'queued' end,
                ambiguous = true,
                sending_since = null,
                next_attempt_at = now(),
                problem = 'nobody knows how the hand-over ended'
            where sending_since <= now() - make_interval(secs => $1)",
            age.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(expired.rows_affected())
    }

    async fn queued(&self, limit: i64) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from (select from notifications where status = 'queued' limit $1) as counted"#,
            limit,
        );
        Ok(count.fetch_one(&self.pool).await?)
    }

    async fn remove_ended(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let removed = sqlx::query!(
            "delete from notifications where uuid in (
                select uuid from notifications
                where status <> 'queued' and next_attempt_at < now() - make_interval(secs => $1)
                order by next_attempt_at limit $2)",
            age.as_secs_f64(),
            limit,
        )
        .execute(&self.pool)
        .await?;
        Ok(removed.rows_affected())
    }

    async fn of_order(&self, order: OrderId) -> Result<Vec<Notification>, Error> {
        let rows = sqlx::query!(
            r#"select uuid as "id: NotificationId", order_uuid as "order: OrderId", user_uuid as "user: UserId", kind, status,
                attempts, ambiguous, created_at, sent_at
            from notifications where order_uuid = $1 order by created_at, uuid"#,
            order.uuid(),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Notification {
                    id: row.id,
                    order: row.order,
                    user: row.user,
                    kind: kind(row.id, &row.kind)?,
                    status: status(row.id, &row.status)?,
                    attempts: row.attempts,
                    ambiguous: row.ambiguous,
                    created_at: row.created_at,
                    sent_at: row.sent_at,
                })
            })
            .collect()
    }
}
