//! Queries that find the notifications to be sent next.

use contracts::ids::{OrderId, UserId};
use platform::postgres::{Database, DatabaseError, consistent};
use serde::Deserialize;
use sqlx::types::JsonRawValue;

use super::{kind, known_kinds, uuids};
use crate::{
    error::Error,
    model::{Batch, Due, NotificationId},
    repository::{DuePage, MAX_CHATS, MAX_PER_CHAT},
};

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
            facts: json(row.id, "facts", &row.facts)?,
            trace: json(row.id, "trace", &row.trace)?,
            attempts: row.attempts,
        })
    }
}

fn json<'a, T: Deserialize<'a>>(
    id: NotificationId,
    column: &'static str,
    value: &'a JsonRawValue,
) -> Result<T, DatabaseError> {
    serde_json::from_str(value.get()).map_err(|_| DatabaseError::inconsistent("notifications", column, id))
}

/// Implements [`Notifications::without_chat`](crate::repository::Notifications::without_chat).
pub async fn without_chat(pool: &Database, limit: i64, busy: &[NotificationId]) -> Result<Vec<Due>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select uuid as "id: NotificationId", order_uuid as "order: OrderId", user_uuid as "user: UserId", kind,
            facts as "facts: Box<JsonRawValue>", trace as "trace: Box<JsonRawValue>", attempts
        from notifications
        where status not in ('sent', 'failed') and chat is null and uuid <> all($2)
          and array_position($3::text[], kind) is not null
        order by created_at, uuid limit $1"#,
        limit,
        &uuids(busy),
        &known_kinds(),
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().filter_map(|row| consistent(Due::try_from(row))).collect())
}

/// Implements [`Notifications::due`](crate::repository::Notifications::due). The recursive query steps from the first
/// row of each chat to that of the next by one index probe (`notifications_waiting`), without reading the rows in
/// between.
pub async fn due(pool: &Database, after: &str, repeats: bool, limit: i32, busy: &[String]) -> Result<DuePage, Error> {
    let rows = sqlx::query!(
        r#"with recursive head as (
            (select chat, due, due::int as found, 1 as looked from (
                select chat, sending_since is null and next_attempt_at <= now() and chat <> all($4) as due
                from notifications
                where status not in ('sent', 'failed') and ambiguous = $2 and chat > $1
                  and array_position($7::text[], kind) is not null
                order by chat, created_at, uuid limit 1
            ) as first)
            union all
            select next.chat, next.due, head.found + next.due::int, head.looked + 1
            from head cross join lateral (
                select chat, sending_since is null and next_attempt_at <= now() and chat <> all($4) as due
                from notifications
                where status not in ('sent', 'failed') and ambiguous = $2 and chat > head.chat
                  and array_position($7::text[], kind) is not null
                order by chat, created_at, uuid limit 1
            ) as next
            where head.looked < $5 and head.found < $3
        )
        select last.chat as "last!", last.looked = $5 or last.found = $3 as "more!", waiting.chat as "chat?",
            waiting.uuid as "id?: NotificationId", waiting.order_uuid as "order?: OrderId",
            waiting.user_uuid as "user?: UserId",
            waiting.kind as "kind?", waiting.facts as "facts?: Box<JsonRawValue>",
            waiting.trace as "trace?: Box<JsonRawValue>", waiting.attempts as "attempts?"
        from (select chat, looked, found from head order by looked desc limit 1) as last
        left join (
            select head.looked, own.*
            from head cross join lateral (
                select * from notifications
                where status not in ('sent', 'failed') and ambiguous = $2 and chat = head.chat and sending_since is null
                  and array_position($7::text[], kind) is not null
                order by created_at, uuid limit $6
            ) as own
            where head.due
        ) as waiting on true
        order by waiting.looked, waiting.created_at, waiting.uuid"#,
        after,
        repeats,
        limit,
        busy,
        MAX_CHATS,
        MAX_PER_CHAT,
        &known_kinds(),
    )
    .fetch_all(pool)
    .await?;
    let mut page = DuePage::default();
    for row in rows {
        page.next = row.more.then_some(row.last);
        let columns = (row.chat, row.id, row.order, row.user, row.kind, row.facts, row.trace, row.attempts);
        // If no chat is due, the query returns one row without a notification. It only says where the page ended.
        let (Some(chat), Some(id), Some(order), Some(user), Some(kind), Some(facts), Some(trace), Some(attempts)) =
            columns
        else {
            continue;
        };
        let row = Row { id, order, user, kind, facts, trace, attempts };
        let Some(due) = consistent(Due::try_from(row)) else { continue };
        match page.batches.last_mut().filter(|batch| batch.chat == chat) {
            Some(batch) => batch.waiting.push(due),
            None => page.batches.push(Batch { chat, ambiguous: repeats, waiting: vec![due] }),
        }
    }
    Ok(page)
}
