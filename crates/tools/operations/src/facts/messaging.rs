//! Reads outboxes and inboxes, whose tables are the same in every database.

use std::{collections::BTreeMap, time::Duration};

use audit::facts::{Inbox, OutboxRow, Received, kind};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use platform::kafka;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::databases::Databases;
use platform::service::Service;

#[derive(FromRow)]
struct OutboxEntry {
    event_uuid: Uuid,
    event_type: String,
    key: Uuid,
    created_at: DateTime<Utc>,
    published_at: Option<DateTime<Utc>>,
    set_aside_at: Option<DateTime<Utc>>,
}

pub async fn outbox(database: &mut PgConnection, service: &'static Service) -> anyhow::Result<Vec<OutboxRow>> {
    let mut rows = sqlx::query_as::<_, OutboxEntry>(
        "select event_uuid, event_type, key, created_at, published_at, set_aside_at from outbox order by id",
    )
    .fetch(database);
    let mut outbox = Vec::new();
    while let Some(row) = rows.try_next().await? {
        outbox.push(OutboxRow {
            service: service.name,
            event: row.event_uuid,
            kind: kind(&row.event_type),
            key: row.key,
            created_at: row.created_at,
            published_at: row.published_at,
            set_aside_at: row.set_aside_at,
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

pub async fn inboxes(database: &mut PgConnection, service: &'static Service) -> anyhow::Result<Vec<Inbox>> {
    let mut rows =
        sqlx::query_as::<_, InboxEntry>("select consumer, event_uuid, received_at from inbox").fetch(database);
    let mut inboxes: BTreeMap<String, Vec<Received>> = BTreeMap::new();
    while let Some(row) = rows.try_next().await? {
        inboxes.entry(row.consumer).or_default().push(Received { event: row.event_uuid, at: row.received_at });
    }
    Ok(inboxes.into_iter().map(|(consumer, rows)| Inbox { service: service.name, consumer, rows }).collect())
}

/// The version of order's migration from which on outbox and inbox rows are kept longer than any Kafka record.
const RETENTION: i64 = 5;
/// How much longer than the retention of their topics the rows were kept before that migration.
const BEFORE: Duration = Duration::from_hours(24);

/// Returns the time since which outbox and inbox are complete. It includes a margin of a day, since rows about to be
/// removed may be missing on one side only.
pub async fn kept_since(
    databases: &Databases,
    kafka: &kafka::Config,
    now: DateTime<Utc>,
) -> anyhow::Result<DateTime<Utc>> {
    let installed = sqlx::query_scalar("select installed_on from _sqlx_migrations where version = $1").bind(RETENTION);
    let installed: Option<DateTime<Utc>> = installed.fetch_optional(databases.get(&order::SERVICE)?).await?;
    let earlier = installed.map(|installed| installed - kafka.kafka_topic_retention - BEFORE);
    Ok((now - kafka.record_life()).max(earlier.unwrap_or_default()))
}
