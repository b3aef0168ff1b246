//! The notification queue in PostgreSQL: the table `notifications`.
//!
//! Statistics may date from a moment when the queue was empty; then the planner rates every index of the queue the same. So the
//! conditions leave it one choice: `status not in (…)` matches the two indexes made for it and no other, and `is not distinct from`
//! is an equality that matches no partial index. See [`prefer_index_scans`](super::prefer_index_scans).

mod due;
mod queue;

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{EventId, OrderId, UserId};
use platform::{
    inbox,
    postgres::{Database, DatabaseError, GroupCommit},
};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Attempt, Batch, Due, Kind, NewNotification, Notification, NotificationId, Outcome, Status},
    repository::{DuePage, Notifications},
};

#[derive(Clone)]
pub struct PgNotifications {
    pool: Database,
    queue: GroupCommit<queue::Request, Option<bool>>,
}

impl PgNotifications {
    pub fn new(pool: Database) -> Self {
        Self {
            queue: GroupCommit::by_key("queue_notifications", pool.clone(), queue::Request::cause, queue::queue),
            pool,
        }
    }
}

fn kind(id: NotificationId, text: &str) -> Result<Kind, DatabaseError> {
    Kind::parse(text).ok_or_else(|| DatabaseError::inconsistent("notifications", "kind", id))
}

fn status(id: NotificationId, text: &str) -> Result<Status, DatabaseError> {
    Status::parse(text).ok_or_else(|| DatabaseError::inconsistent("notifications", "status", id))
}

/// The kinds that this build can render. Queued rows of other kinds are left to the newer replica that queued them: to decode them would
/// fail, and the chat's other notifications with them. No index matches the condition that uses this; see above.
fn known_kinds() -> Vec<String> {
    Kind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect()
}

fn uuids(ids: &[NotificationId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.uuid()).collect()
}

#[async_trait]
impl Notifications for PgNotifications {
    async fn queue(&self, consumer: &'static str, event: EventId, new: &NewNotification) -> Result<bool, Error> {
        Ok(self.queue.submit(queue::Request::new(consumer, event, new)).await?.unwrap_or_default())
    }

    async fn skip(&self, consumer: &'static str, event: EventId) -> Result<(), Error> {
        Ok(inbox::skip(&self.pool, consumer, event.uuid()).await?)
    }

    async fn without_chat(&self, limit: i64, busy: &[NotificationId]) -> Result<Vec<Due>, Error> {
        due::without_chat(&self.pool, limit, busy).await
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

    async fn due(&self, after: &str, repeats: bool, limit: i32, busy: &[String]) -> Result<DuePage, Error> {
        due::due(&self.pool, after, repeats, limit, busy).await
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
            Outcome::Skipped { problem } => (Status::Failed, Duration::ZERO, Some(problem), false),
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
            "delete from notifications where uuid = any(array(
                select uuid from notifications
                where status <> 'queued' and next_attempt_at < now() - make_interval(secs => $1)
                order by next_attempt_at limit $2))",
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
            from notifications where order_uuid = $1 and array_position($2::text[], kind) is not null
            order by created_at, uuid"#,
            order.uuid(),
            &known_kinds(),
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
