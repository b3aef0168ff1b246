//! Records the beginning of attempts.

use std::{collections::HashMap, sync::Arc};

use platform::postgres::Database;

use super::super::known_kinds;
use crate::model::{NotificationId, Outgoing};

#[derive(Clone)]
pub struct Request {
    chat: String,
    ambiguous: bool,
    notification: NotificationId,
    /// The number of attempts when the notification was read.
    attempts: i32,
}

impl Request {
    pub fn new(outgoing: &Outgoing) -> Self {
        let Outgoing { chat, ambiguous, due } = outgoing;
        Self { chat: chat.clone(), ambiguous: *ambiguous, notification: due.id, attempts: due.attempts }
    }

    /// The key of the request. Requests with the same key are written in different groups.
    pub fn chat(&self) -> String {
        self.chat.clone()
    }
}

/// Claims notifications. Returns, by chat, whether its notification was claimed. It is not claimed if it has changed
/// since it was read. If it has no chat yet and others of the chat are queued, the statement only sets the chat.
pub async fn claim(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<String, bool>> {
    let chats: Vec<&str> = requests.iter().map(|request| request.chat.as_str()).collect();
    let notifications: Vec<_> = requests.iter().map(|request| request.notification.uuid()).collect();
    let attempts: Vec<i32> = requests.iter().map(|request| request.attempts).collect();
    let ambiguous: Vec<bool> = requests.iter().map(|request| request.ambiguous).collect();
    // Rows are locked in the order of their uuids, so that two replicas that claim the same rows do not deadlock.
    let claimed = sqlx::query_scalar!(
        r#"with requests as materialized (
            select *
            from unnest($1::text[], $2::uuid[], $3::integer[], $4::boolean[]) as request (chat, uuid, attempts, ambiguous)
        ), held as materialized (
            select uuid, chat, attempts, ambiguous, status, sending_since
            from notifications
            where uuid = any($2)
            order by uuid
            for no key update
        ), unchanged as (
            select requests.chat, uuid, other.waits is null as begins
            from requests
            join held using (uuid)
            left join lateral (
                select true as waits
                from notifications as other
                where held.chat is null and other.chat = requests.chat and other.ambiguous = false
                  and other.status not in ('sent', 'failed') and array_position($5::text[], other.kind) is not null
                limit 1
            ) as other on true
            where held.attempts = requests.attempts and held.ambiguous = requests.ambiguous
              and held.status = 'queued' and held.sending_since is null
              and (held.chat is null or held.chat = requests.chat)
        ), written as (
            update notifications
            set chat = unchanged.chat, sending_since = case when begins then now() end,
                attempts = notifications.attempts + begins::int
            from unchanged
            where notifications.uuid = unchanged.uuid
        )
        select chat as "chat!"
        from unchanged
        where begins"#,
        &chats as _,
        &notifications,
        &attempts,
        &ambiguous,
        &known_kinds(),
    )
    .fetch_all(&pool)
    .await?;
    Ok(claimed.into_iter().map(|chat| (chat, true)).collect())
}
