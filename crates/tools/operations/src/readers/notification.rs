//! Reads notifications.

use audit::{
    Facts,
    facts::{Notification, NotificationStatus},
};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Query, Reader, parsed, personal};

macro_rules! select {
    ($($of:literal)?) => {
        concat!(
            "select order_uuid, kind, status, chat, attempts::bigint, ambiguous, sent_at, created_at, queued_at
            from notifications",
            $($of)?
        )
    };
}

pub const READER: Reader = Reader {
    service: &notification::SERVICE,
    facts: |database| Box::pin(read(database)),
    of_order: Some(|database, order| Box::pin(of_order(database, order))),
    pending: &[("messages to be sent", "select count(*) from notifications where status = 'queued'")],
    fingerprint: "select concat_ws(' ', count(*), sum(attempts), max(sent_at), (select count(*) from inbox))
        from notifications",
};

async fn read(database: &mut PgConnection) -> anyhow::Result<Facts> {
    let chats = "select user_uuid, min(created_at) from notifications where chat is not null group by user_uuid";
    Ok(Facts {
        notifications: notifications(database, sqlx::query_as(select!())).await?,
        personal: personal(database, chats, "the chat of a notification").await?,
        ..Facts::default()
    })
}

/// Reads the facts of one order.
async fn of_order(database: &mut PgConnection, order: Uuid) -> anyhow::Result<Facts> {
    let query = sqlx::query_as(select!(" where order_uuid = $1 order by created_at")).bind(order);
    Ok(Facts { notifications: notifications(database, query).await?, ..Facts::default() })
}

#[derive(FromRow)]
struct Row {
    order_uuid: Uuid,
    kind: String,
    status: String,
    chat: Option<String>,
    attempts: i64,
    ambiguous: bool,
    sent_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    queued_at: Option<DateTime<Utc>>,
}

async fn notifications(database: &mut PgConnection, query: Query<'_, Row>) -> anyhow::Result<Vec<Notification>> {
    let mut rows = query.fetch(database);
    let mut notifications = Vec::new();
    while let Some(row) = rows.try_next().await? {
        notifications.push(Notification {
            order: row.order_uuid,
            kind: row.kind,
            status: parsed("notifications.status", &row.status, NotificationStatus::parse)?,
            chat: row.chat,
            attempts: row.attempts,
            ambiguous: row.ambiguous,
            sent_at: row.sent_at,
            created_at: row.created_at,
            queued_at: row.queued_at,
        });
    }
    Ok(notifications)
}
