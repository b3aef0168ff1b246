//! The notification queue, in the table `notifications`.
//!
//! A newer replica may queue kinds that this build does not know. No read returns these, so they wait for the newer
//! replica and block no other notification.
//!
//! With statistics from a time when the queue was empty, the planner considers all indexes equally good. The conditions
//! therefore leave it one choice: `status not in (…)` matches only the two indexes made for it, and `is not distinct
//! from` matches no partial index. See [`prefer_index_scans`](super::prefer_index_scans).

mod due;
mod grouped;

use std::time::Duration;

use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use platform::postgres::{Database, DatabaseError, GroupCommit, SkippedEvents, consistent, retry_stale};

use crate::{
    error::Error,
    model::{Attempt, AttemptOutcome, Expired, Kind, NewNotification, Notification, NotificationId, Outgoing, Status},
};

#[derive(Clone)]
pub struct PgNotifications {
    pool: Database,
    skipped: SkippedEvents,
    queue: GroupCommit<grouped::Queued, Option<bool>>,
    set_chat: GroupCommit<grouped::Found, ()>,
    claim: GroupCommit<Outgoing, Option<bool>>,
    settle: GroupCommit<grouped::Settled, ()>,
}

impl PgNotifications {
    pub fn new(pool: Database) -> Self {
        Self {
            queue: GroupCommit::by_key(
                "queue_notifications",
                pool.clone(),
                |queued: &grouped::Queued| queued.cause,
                grouped::queue,
            ),
            set_chat: GroupCommit::without_results("set_chats", pool.clone(), grouped::set_chat),
            claim: GroupCommit::by_key(
                "claim_notifications",
                pool.clone(),
                |outgoing: &Outgoing| outgoing.chat.clone(),
                grouped::claim,
            ),
            settle: GroupCommit::without_results("settle_notifications", pool.clone(), grouped::settle),
            skipped: SkippedEvents::new(pool.clone()),
            pool,
        }
    }
}

fn kind(id: NotificationId, text: &str) -> Result<Kind, DatabaseError> {
    Kind::parse(text).ok_or_else(|| DatabaseError::inconsistent("notifications", "kind", id))
}

/// Returns the kinds that this build can render. Queries skip rows of other kinds, which would count as inconsistent
/// and hide the notifications after them. No index matches this condition; see above.
fn known_kinds() -> Vec<String> {
    Kind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect()
}

impl PgNotifications {
    /// Queues a notification, unless the event was handled before or the order has a notification of this kind. Returns
    /// true if queued.
    pub async fn queue(&self, cause: Cause, new: &NewNotification) -> Result<bool, Error> {
        Ok(self.queue.submit(grouped::Queued::new(cause, new)).await?.unwrap_or_default())
    }

    /// Records that an event was handled without a notification; idempotent.
    pub async fn skip(&self, cause: Cause) -> Result<(), Error> {
        Ok(self.skipped.skip(cause.consumer, cause.event.uuid()).await?)
    }

    /// Sets the chat of notifications that have none.
    pub async fn set_chat(&self, notifications: &[NotificationId], chat: &str) -> Result<(), Error> {
        self.set_chat.submit((notifications.to_vec(), chat.to_owned())).await?;
        Ok(())
    }

    /// Records that an attempt begins. If the notification has been claimed, marked ambiguous or ended since it was
    /// read, or has another chat, records nothing and returns false.
    ///
    /// Sets the chat of a notification that has none. If other notifications of that chat, except ambiguous ones, are
    /// queued, they are sent first: records only the chat and returns false.
    pub async fn claim(&self, outgoing: &Outgoing) -> Result<bool, Error> {
        Ok(self.claim.submit(outgoing.clone()).await?.unwrap_or_default())
    }

    /// Records the outcome of attempts. Once a newer attempt was claimed, only [`AttemptOutcome::Sent`] is recorded for
    /// an expired one.
    pub async fn settle(&self, attempts: &[Attempt], outcome: &AttemptOutcome) -> Result<(), Error> {
        self.settle.submit((attempts.to_vec(), outcome.clone())).await?;
        Ok(())
    }

    /// Ends attempts that began longer ago than `age`, as attempts without a response: their replica has crashed or
    /// is frozen. Returns their notifications, without those of kinds that this build does not know.
    pub async fn expire_attempts(&self, age: Duration) -> Result<Vec<Expired>, Error> {
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

    /// Queues a notification again that was sent or failed longer ago than `age`, unless it [may have arrived
    /// twice](Notification::may_have_arrived_twice). One that may have arrived once is queued as ambiguous, to the
    /// same chat; any other loses its chat. Returns true if it was queued.
    pub async fn resend(&self, notification: NotificationId, age: Duration) -> Result<bool, Error> {
        // One that was sent, or whose first attempt had no response, becomes ambiguous and keeps its chat. The chat of
        // any other is looked up again.
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

    /// Returns the length of the queue, counted up to `limit`.
    pub async fn queued(&self, limit: i64) -> Result<i64, Error> {
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

    /// Removes at most `limit` notifications that were sent or failed longer ago than `age`. Returns their number.
    pub async fn remove_ended(&self, age: Duration, limit: i64) -> Result<u64, Error> {
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

    /// Removes the chats of a user's notifications, and ends those that are queued as failed. An attempt under way is
    /// recorded only if it was sent. Idempotent.
    pub async fn forget(&self, user: UserId) -> Result<(), Error> {
        // The new number is higher than that of an attempt under way, of which only a success is then recorded.
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

    /// Returns an order's notifications, oldest first.
    pub async fn of_order(&self, order: OrderId) -> Result<Vec<Notification>, Error> {
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
            let inconsistent = || DatabaseError::inconsistent("notifications", "status", row.id);
            Ok(Notification {
                id: row.id,
                order: row.order,
                user: row.user,
                kind: kind(row.id, &row.kind)?,
                status: Status::parse(&row.status).ok_or_else(inconsistent)?,
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
