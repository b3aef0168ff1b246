//! Queries that find the notifications to be sent next.

use std::collections::HashMap;

use contracts::ids::{OrderId, UserId};
use platform::postgres::Database;
use sqlx::types::Json;

use super::{kind, known_kinds, uuids};
use crate::{
    error::Error,
    model::{Batch, Due, NotificationId},
    repository::{DuePage, MAX_CHATS, MAX_PER_CHAT},
};

/// Implements [`Notifications::without_chat`](crate::repository::Notifications::without_chat).
pub async fn without_chat(pool: &Database, limit: i64, busy: &[NotificationId]) -> Result<Vec<Due>, Error> {
    let rows = sqlx::query!(
        r#"select uuid as "id: NotificationId", order_uuid as "order: OrderId", user_uuid as "user: UserId", kind, facts,
            trace as "trace: Json<HashMap<String, String>>", attempts
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

/// Implements [`Notifications::due`](crate::repository::Notifications::due). One probe of the index `notifications_waiting` leads from the
/// first row of a chat to that of the next chat, so that the rows in between are not read.
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
            waiting.kind as "kind?", waiting.facts as "facts?",
            waiting.trace as "trace?: Json<HashMap<String, String>>", waiting.attempts as "attempts?"
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
        // If no chat is due, the query returns one row without a notification, which only says where the page ended.
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
