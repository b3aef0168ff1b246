//! Reads notifications.

use audit::{
    Facts,
    facts::{Notification, NotificationStatus},
};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::parsed;

pub async fn read(database: &mut PgConnection) -> anyhow::Result<Facts> {
    Ok(Facts { notifications: notifications(database).await?, ..Facts::default() })
}

#[derive(FromRow)]
struct Row {
    order_uuid: Uuid,
    kind: String,
    status: String,
    chat: Option<String>,
    attempts: i64,
    ambiguous: bool,
    created_at: DateTime<Utc>,
}

async fn notifications(database: &mut PgConnection) -> anyhow::Result<Vec<Notification>> {
    let mut rows = sqlx::query_as::<_, Row>(
        "select order_uuid, kind, status, chat, attempts::bigint, ambiguous, created_at from notifications",
    )
    .fetch(database);
    let mut notifications = Vec::new();
    while let Some(row) = rows.try_next().await? {
        notifications.push(Notification {
            order: row.order_uuid,
            kind: row.kind,
            status: parsed("notifications.status", &row.status, NotificationStatus::parse)?,
            chat: row.chat,
            attempts: row.attempts,
            ambiguous: row.ambiguous,
            created_at: row.created_at,
        });
    }
    Ok(notifications)
}
