//! Records the chats that were found for users' notifications.

use std::sync::Arc;

use platform::postgres::Database;

use crate::model::NotificationId;

#[derive(Clone)]
pub struct Request {
    notifications: Vec<NotificationId>,
    chat: String,
}

impl Request {
    pub fn new(notifications: &[NotificationId], chat: &str) -> Self {
        Self { notifications: notifications.to_vec(), chat: chat.to_owned() }
    }
}

pub async fn set_chat(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<()> {
    let (notifications, chats): (Vec<_>, Vec<&str>) = requests
        .iter()
        .flat_map(|request| request.notifications.iter().map(|id| (id.uuid(), request.chat.as_str())))
        .unzip();
    sqlx::query!(
        "with requests as materialized (
            select *
            from unnest($1::uuid[], $2::text[]) as request (uuid, chat)
        ), held as materialized (
            select uuid
            from notifications
            where uuid = any($1)
            order by uuid
            for no key update
        )
        update notifications
        set chat = requests.chat
        from held
        join requests using (uuid)
        where notifications.uuid = held.uuid and notifications.chat is null and status is not distinct from 'queued'",
        &notifications,
        &chats as _,
    )
    .execute(&pool)
    .await?;
    Ok(())
}
