//! Queries that find the notifications to be sent next.

use contracts::ids::{OrderId, UserId};
use platform::postgres::{DatabaseError, consistent, count_skipped_row};
use serde::Deserialize;
use sqlx::types::JsonRawValue;

use super::{PgNotifications, kind, known_kinds};
use crate::{
    error::Error,
    model::{Due, NotificationId, Outgoing},
};

/// The maximum number of chats with queued notifications that one read considers.
pub const MAX_CHATS: i32 = 1_000;

struct Row {
    id: NotificationId,
    order: OrderId,
    user: UserId,
    kind: String,
    /// Like `trace`, decoded only when the row becomes a `Due`: if sqlx failed to decode one value, the statement would
    /// fail for all rows.
    facts: Box<JsonRawValue>,
    trace: Box<JsonRawValue>,
    attempts: i32,
}

impl TryFrom<Row> for Due {
    type Error = DatabaseError;

    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: row.id,
            order: row.order,
            user: row.user,
            kind: kind(row.id, &row.kind)?,
            facts: readable(row.id, "facts", &row.facts),
            trace: readable(row.id, "trace", &row.trace),
            attempts: row.attempts,
        })
    }
}

/// Decodes a column. A value that cannot be read is left out, since a row that stayed would hold up its chat: without
/// facts the notification fails, and without its trace it is sent.
fn readable<'a, T: Deserialize<'a> + Default>(id: NotificationId, column: &'static str, value: &'a JsonRawValue) -> T {
    serde_json::from_str(value.get()).unwrap_or_else(|_| {
        count_skipped_row();
        tracing::error!(error = %DatabaseError::inconsistent("notifications", column, id), "value left out");
        T::default()
    })
}

impl PgNotifications {
    /// Returns the `limit` oldest queued notifications without a chat, except those in `busy`.
    pub async fn without_chat(&self, limit: i64, busy: &[NotificationId]) -> Result<Vec<Due>, Error> {
        let busy: Vec<_> = busy.iter().map(|id| id.uuid()).collect();
        let rows = sqlx::query_as!(
            Row,
            r#"select uuid as "id: NotificationId", order_uuid as "order: OrderId", user_uuid as "user: UserId", kind,
            facts as "facts: Box<JsonRawValue>", trace as "trace: Box<JsonRawValue>", attempts
        from notifications
        where status not in ('sent', 'failed') and chat is null and uuid <> all($2)
          and array_position($3::text[], kind) is not null
        order by created_at, uuid limit $1"#,
            limit,
            &busy,
            &known_kinds(),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().filter_map(|row| consistent(Due::try_from(row))).collect())
    }

    /// Returns the `limit` oldest due notifications, one per chat, except those of chats in `busy`. The oldest of a
    /// chat is due unless it is postponed or being sent; those after it wait. With `ambiguous`, considers only
    /// notifications of which an attempt ended without a response; otherwise only the others.
    ///
    /// Considers the first [`MAX_CHATS`] chats by name. Further chats wait until one of these has nothing queued.
    ///
    /// The recursive query steps from the first row of each chat to that of the next by one index probe
    /// (`notifications_waiting`), without reading the rows in between.
    pub async fn due(&self, ambiguous: bool, limit: i32, busy: &[String]) -> Result<Vec<Outgoing>, Error> {
        let rows = sqlx::query!(
            r#"with recursive head as (
            (select chat, created_at, uuid, order_uuid, user_uuid, kind, facts, trace, attempts,
                sending_since is null and next_attempt_at <= now() and chat <> all($3) as due, 1 as looked
            from notifications
            where status not in ('sent', 'failed') and ambiguous = $1 and chat is not null
              and array_position($5::text[], kind) is not null
            order by chat, created_at, uuid limit 1)
            union all
            select next.*, head.looked + 1
            from head cross join lateral (
                select chat, created_at, uuid, order_uuid, user_uuid, kind, facts, trace, attempts,
                    sending_since is null and next_attempt_at <= now() and chat <> all($3) as due
                from notifications
                where status not in ('sent', 'failed') and ambiguous = $1 and chat > head.chat
                  and array_position($5::text[], kind) is not null
                order by chat, created_at, uuid limit 1
            ) as next
            where head.looked < $4
        )
        select chat as "chat!", uuid as "id!: NotificationId", order_uuid as "order!: OrderId", user_uuid as "user!: UserId",
            kind as "kind!", facts as "facts!: Box<JsonRawValue>", trace as "trace!: Box<JsonRawValue>",
            attempts as "attempts!"
        from head
        where due
        order by created_at, uuid limit $2"#,
            ambiguous,
            i64::from(limit),
            busy,
            MAX_CHATS,
            &known_kinds(),
        )
        .fetch_all(&self.pool)
        .await?;
        let due = rows.into_iter().filter_map(|row| {
            let chat = row.chat;
            let row = Row {
                id: row.id,
                order: row.order,
                user: row.user,
                kind: row.kind,
                facts: row.facts,
                trace: row.trace,
                attempts: row.attempts,
            };
            Some(Outgoing { chat, ambiguous, due: consistent(Due::try_from(row))? })
        });
        Ok(due.collect())
    }
}
