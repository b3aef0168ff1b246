//! Outboxes and inboxes, which are the same in every database that has them.

use std::collections::BTreeMap;

use audit::facts::{Inbox, OutboxRow, Received, kind};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::services::Service;

#[derive(FromRow)]
struct OutboxEntry {
    event_uuid: Uuid,
    event_type: String,
    key: Uuid,
    created_at: DateTime<Utc>,
    published_at: Option<DateTime<Utc>>,
}

pub async fn outbox(database: &mut PgConnection, service: Service) -> anyhow::Result<Vec<OutboxRow>> {
    let mut rows = sqlx::query_as::<_, OutboxEntry>(
        "select event_uuid, event_type, key, created_at, published_at from outbox order by id",
    )
    .fetch(database);
    let mut outbox = Vec::new();
    while let Some(row) = rows.try_next().await? {
        outbox.push(OutboxRow {
            service: service.name(),
            event: row.event_uuid,
            kind: kind(&row.event_type),
            key: row.key,
            created_at: row.created_at,
            published_at: row.published_at,
        });
    }
    Ok(outbox)
}

#[derive(FromRow)]
struct InboxEntry {
    consumer: String,
    event_uuid: Uuid,
    received_at: DateTime<Utc>,
}

pub async fn inboxes(database: &mut PgConnection, service: Service) -> anyhow::Result<Vec<Inbox>> {
    let mut rows =
        sqlx::query_as::<_, InboxEntry>("select consumer, event_uuid, received_at from inbox").fetch(database);
    let mut inboxes: BTreeMap<String, Vec<Received>> = BTreeMap::new();
    while let Some(row) = rows.try_next().await? {
        inboxes.entry(row.consumer).or_default().push(Received { event: row.event_uuid, at: row.received_at });
    }
    Ok(inboxes.into_iter().map(|(consumer, rows)| Inbox { service: service.name(), consumer, rows }).collect())
}
