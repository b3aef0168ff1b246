//! The notification queue in PostgreSQL: the table `notifications`.
//!
//! With statistics from a time when the queue was empty, the planner considers all indexes equally good. The conditions
//! therefore leave it one choice: `status not in (…)` matches only the two indexes made for it, and `is not distinct
//! from` matches no partial index. See [`prefer_index_scans`](super::prefer_index_scans).

mod due;
mod grouped;

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use platform::{
    inbox::SkippedEvents,
    postgres::{Database, DatabaseError, GroupCommit, consistent, retry_stale},
};
use uuid::Uuid;

use self::grouped::{claim, queue, set_chat, settle};
use crate::{
    error::Error,
    model::{Attempt, Due, Expired, Kind, NewNotification, Notification, NotificationId, Outcome, Outgoing, Status},
    repository::Notifications,
};

#[derive(Clone)]
pub struct PgNotifications {
    pool: Database,
    skipped: SkippedEvents,
    queue: GroupCommit<queue::Request, Option<bool>>,
    set_chat: GroupCommit<set_chat::Request, ()>,
    claim: GroupCommit<claim::Request, Option<bool>>,
    settle: GroupCommit<settle::Request, ()>,
}

impl PgNotifications {
    pub fn new(pool: Database) -> Self {
        Self {
            queue: GroupCommit::by_key("queue_notifications", pool.clone(), queue::Request::cause, queue::queue),
            set_chat: GroupCommit::without_answers("set_chats", pool.clone(), set_chat::set_chat),
            claim: GroupCommit::by_key("claim_notifications", pool.clone(), claim::Request::chat, claim::claim),
            settle: GroupCommit::without_answers("settle_notifications", pool.clone(), settle::settle),
            skipped: SkippedEvents::new(pool.clone()),
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

/// Returns the kinds that this build can render. Queries skip rows of other kinds, which a newer replica has queued:
/// they would count as inconsistent, and hide the notifications after them. No index
/// matches this condition; see above.
fn known_kinds() -> Vec<String> {
    Kind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect()
}

fn uuids(ids: &[NotificationId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.uuid()).collect()
}

#[async_trait]
impl Notifications for PgNotifications {
    async fn queue(&self, cause: Cause, new: &NewNotification) -> Result<bool, Error> {
        Ok(self.queue.submit(queue::Request::new(cause, new)).await?.unwrap_or_default())
    }

    async fn skip(&self, cause: Cause) -> Result<(), Error> {
        Ok(self.skipped.skip(cause.consumer, cause.event.uuid()).await?)
    }

    async fn without_chat(&self, limit: i64, busy: &[NotificationId]) -> Result<Vec<Due>, Error> {
        due::without_chat(&self.pool, limit, busy).await
    }

    async fn set_chat(&self, notifications: &[NotificationId], chat: &str) -> Result<(), Error> {
        self.set_chat.submit(set_chat::Request::new(notifications, chat)).await?;
        Ok(())
    }

    async fn due(&self, repeats: bool, limit: i32, busy: &[String]) -> Result<Vec<Outgoing>, Error> {
        due::due(&self.pool, repeats, limit, busy).await
    }

    async fn claim(&self, outgoing: &Outgoing) -> Result<bool, Error> {
        Ok(self.claim.submit(claim::Request::new(outgoing)).await?.unwrap_or_default())
    }

    async fn settle(&self, attempts: &[Attempt], outcome: &Outcome) -> Result<(), Error> {
        self.settle.submit(settle::Request::new(attempts, outcome)).await?;
        Ok(())
    }

    async fn expire_attempts(&self, age: Duration) -> Result<Vec<Expired>, Error> {
        let expired = sqlx::query!(
            r#"update notifications set
                status = case when ambiguous then 'failed' else 'queued' end,
                ambiguous = true,
                sending_since = null,
                next_attempt_at = now(),
                problem = $2
            where sending_since <= now() - make_interval(secs => $1)
            returning order_uuid as "order: OrderId", kind, status = 'failed' as "is_given_up!""#,
            age.as_secs_f64(),
            Expired::PROBLEM,
        );
        let expired = expired.fetch_all(&self.pool).await?.into_iter().filter_map(|row| {
            let kind = Kind::parse(&row.kind)?;
            Some(Expired { order: row.order, kind, is_given_up: row.is_given_up })
        });
        Ok(expired.collect())
    }

    async fn resend(&self, notification: NotificationId, age: Duration) -> Result<bool, Error> {
        // One that was sent, or whose first attempt had no answer, becomes a repeat to the same chat. The chat of any
        // other is looked up again.
        let resent = sqlx::query!(
            "update notifications set
                status = 'queued',
                ambiguous = ambiguous or status = 'sent',
                chat = case when ambiguous or status = 'sent' then chat end,
                next_attempt_at = now(),
                queued_at = now(),
                sent_at = null,
                problem = null
            where uuid = $1 and status in ('failed', 'sent')
              and (not ambiguous or status = 'failed' and rejected_after = attempts)
              and next_attempt_at <= now() - make_interval(secs => $2)",
            notification.uuid(),
            age.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(resent.rows_affected() > 0)
    }

    async fn queued(&self, limit: i64) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!"
            from (
                (select 1 from notifications where status not in ('sent', 'failed') and chat is null limit $1)
                union all
                (select 1 from notifications where status not in ('sent', 'failed') and chat is not null limit $1)
                limit $1
            ) as counted"#,
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

    async fn forget(&self, user: UserId) -> Result<(), Error> {
        // An attempt under way has an older number then, so that only its success is recorded.
        let forgotten = sqlx::query!(
            "update notifications set
                chat = null,
                attempts = attempts + (sending_since is not null)::integer,
                sending_since = null,
                status = case status when 'sent' then status else 'failed' end,
                next_attempt_at = case status when 'queued' then now() else next_attempt_at end,
                problem = case status when 'queued' then 'the user''s account has ended' else problem end
            where user_uuid = $1 and (chat is not null or status = 'queued')",
            user.uuid(),
        );
        forgotten.execute(&self.pool).await?;
        Ok(())
    }

    async fn of_order(&self, order: OrderId) -> Result<Vec<Notification>, Error> {
        let rows = retry_stale(|| {
            sqlx::query!(
                r#"select uuid as "id: NotificationId", order_uuid as "order: OrderId", user_uuid as "user: UserId", kind,
                    status, attempts, ambiguous, created_at, sent_at,
                    ambiguous and (status <> 'failed' or rejected_after is distinct from attempts) as "may_have_arrived_twice!"
                from notifications where order_uuid = $1 and array_position($2::text[], kind) is not null
                order by created_at, uuid"#,
                order.uuid(),
                &known_kinds(),
            )
            .fetch_all(&self.pool)
        });
        let found = rows.await?.into_iter().map(|row| {
            Ok(Notification {
                id: row.id,
                order: row.order,
                user: row.user,
                kind: kind(row.id, &row.kind)?,
                status: status(row.id, &row.status)?,
                attempts: row.attempts,
                ambiguous: row.ambiguous,
                may_have_arrived_twice: row.may_have_arrived_twice,
                created_at: row.created_at,
                sent_at: row.sent_at,
            })
        });
        Ok(found.filter_map(consistent::<_, DatabaseError>).collect())
    }
}
