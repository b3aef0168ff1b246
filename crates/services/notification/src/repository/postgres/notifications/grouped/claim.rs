//! Records the beginning of attempts. Each request is the batch of one chat.

use std::{collections::HashMap, sync::Arc};

use platform::postgres::Database;

use super::super::known_kinds;
use crate::model::{Batch, NotificationId};

#[derive(Clone)]
pub struct Request {
    chat: String,
    repeats: bool,
    /// Each notification with its number of attempts when the batch was read.
    waiting: Vec<(NotificationId, i32)>,
}

impl Request {
    pub fn new(batch: &Batch) -> Self {
        let waiting = batch.waiting.iter().map(|due| (due.id, due.attempts)).collect();
        Self { chat: batch.chat.clone(), repeats: batch.ambiguous, waiting }
    }

    /// The key of the request. Requests with the same key are written in different groups.
    pub fn chat(&self) -> String {
        self.chat.clone()
    }
}

/// Claims the batches. Returns, by chat, whether its batch was claimed. A batch is not claimed if any of its
/// notifications has changed since it was read. If the notifications have no chat yet and others of that chat are
/// queued, the statement only sets the chat.
pub async fn claim(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<String, bool>> {
    let waiting = || requests.iter().flat_map(|request| request.waiting.iter().map(move |waiting| (request, waiting)));
    let chats: Vec<&str> = waiting().map(|(request, _)| request.chat.as_str()).collect();
    let notifications: Vec<_> = waiting().map(|(_, (id, _))| id.uuid()).collect();
    let attempts: Vec<i32> = waiting().map(|(_, (_, attempts))| *attempts).collect();
    let repeats: Vec<bool> = waiting().map(|(request, _)| request.repeats).collect();
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
        ), changed as (
            select requests.chat
            from requests
            left join held
                on held.uuid = requests.uuid and held.attempts = requests.attempts and held.ambiguous = requests.ambiguous
                and held.status = 'queued' and held.sending_since is null and (held.chat is null or held.chat = requests.chat)
            where held.uuid is null
        ), preceded as (
            select requests.chat
            from requests
            join held using (uuid)
            cross join lateral (
                select
                from notifications as other
                where other.chat = requests.chat and other.ambiguous = false and other.status not in ('sent', 'failed')
                  and array_position($5::text[], other.kind) is not null
                limit 1
            ) as other
            where held.chat is null
        ), free as (
            select chat, uuid, chat not in (select chat from preceded) as begins
            from requests
            where chat not in (select chat from changed)
        ), written as (
            update notifications
            set chat = free.chat, sending_since = case when begins then now() end, attempts = notifications.attempts + begins::int
            from held
            join free using (uuid)
            where notifications.uuid = held.uuid
        )
        select distinct chat as "chat!"
        from free
        where begins"#,
        &chats as _,
        &notifications,
        &attempts,
        &repeats,
        &known_kinds(),
    )
    .fetch_all(&pool)
    .await?;
    Ok(claimed.into_iter().map(|chat| (chat, true)).collect())
}
