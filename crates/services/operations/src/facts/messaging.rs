//! Reads outboxes and inboxes, whose tables are the same in every database that has them.

use std::collections::BTreeMap;

use audit::facts::{Inbox, Log, OutboxRow, Received, kind};
use chrono::{DateTime, Utc};
use contracts::events::ROUTES;
use futures::TryStreamExt as _;
use platform::kafka;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::readers::Query;
use platform::server::service::Service;

#[derive(FromRow)]
struct OutboxEntry {
    event_uuid: Uuid,
    event_type: String,
    key: Uuid,
    created_at: DateTime<Utc>,
    published_at: Option<DateTime<Utc>>,
    set_aside_at: Option<DateTime<Utc>>,
    payload_digest: Option<String>,
}

macro_rules! outbox {
    ($payload_digest:literal, $rest:literal) => {
        concat!(
            "select event_uuid, event_type, key, created_at, published_at, set_aside_at, ",
            $payload_digest,
            " as payload_digest from outbox",
            $rest
        )
    };
}

pub async fn outbox(database: &mut PgConnection, service: &'static Service) -> anyhow::Result<Vec<OutboxRow>> {
    outbox_rows(database, service, sqlx::query_as(outbox!("null::text", " order by id"))).await
}

/// Returns the outbox rows that the records of a topic stand for.
pub fn rows_of(log: &Log, service: &'static str) -> impl Iterator<Item = OutboxRow> {
    log.records.iter().filter_map(move |record| {
        let (event, key) = record.event.zip(record.key)?;
        let (created_at, published_at) = (record.at, Some(record.at));
        Some(OutboxRow {
            service,
            event,
            kind: log.kind.clone(),
            key,
            created_at,
            published_at,
            set_aside_at: None,
            payload_digest: None,
        })
    })
}

/// Reads the outbox rows of these events, and the order's unpublished ones. No index has the keys of published rows,
/// but their event ids follow from the order.
pub async fn outbox_of(
    database: &mut PgConnection,
    service: &'static Service,
    order: Uuid,
    events: &[Uuid],
) -> anyhow::Result<Vec<OutboxRow>> {
    let query = outbox!(
        "encode(sha256(payload), 'hex')",
        " where id in (
            select id from outbox where event_uuid = any($1)
            union select id from outbox where published_at is null and key = $2)
        order by id"
    );
    outbox_rows(database, service, sqlx::query_as(query).bind(events).bind(order)).await
}

async fn outbox_rows(
    database: &mut PgConnection,
    service: &'static Service,
    query: Query<'_, OutboxEntry>,
) -> anyhow::Result<Vec<OutboxRow>> {
    let mut outbox = Vec::new();
    if !service.has_table("outbox") {
        return Ok(outbox);
    }
    let mut rows = query.fetch(database);
    while let Some(row) = rows.try_next().await? {
        outbox.push(OutboxRow {
            service: service.name,
            event: row.event_uuid,
            kind: kind(&row.event_type),
            key: row.key,
            created_at: row.created_at,
            published_at: row.published_at,
            set_aside_at: row.set_aside_at,
            payload_digest: row.payload_digest,
        });
    }
    Ok(outbox)
}

pub async fn inboxes(database: &mut PgConnection, service: &'static Service) -> anyhow::Result<Vec<Inbox>> {
    inbox_rows(database, service, sqlx::query_as("select consumer, event_uuid, received_at from inbox")).await
}

/// Reads the inbox rows of these events for the consumers of their routes.
pub async fn inboxes_of(
    database: &mut PgConnection,
    service: &'static Service,
    events: &[Uuid],
) -> anyhow::Result<Vec<Inbox>> {
    let consumers = ROUTES.iter().flat_map(|route| route.consumers).filter(|consumer| consumer.service == service.name);
    let groups: Vec<&str> = consumers.map(|consumer| consumer.group).collect();
    let query = "select consumer, event_uuid, received_at from inbox where consumer = any($1) and event_uuid = any($2)";
    inbox_rows(database, service, sqlx::query_as(query).bind(groups).bind(events)).await
}

async fn inbox_rows(
    database: &mut PgConnection,
    service: &'static Service,
    query: Query<'_, (String, Uuid, DateTime<Utc>)>,
) -> anyhow::Result<Vec<Inbox>> {
    if !service.has_table("inbox") {
        return Ok(Vec::new());
    }
    let mut rows = query.fetch(database);
    let mut inboxes: BTreeMap<String, Vec<Received>> = BTreeMap::new();
    while let Some((consumer, event, at)) = rows.try_next().await? {
        inboxes.entry(consumer).or_default().push(Received { event, at });
    }
    Ok(inboxes.into_iter().map(|(consumer, rows)| Inbox { service: service.name, consumer, rows }).collect())
}

/// Returns the time since which outbox and inbox are complete. The services keep rows for a day longer than that,
/// because a row about to be removed may already be missing on one side, and a replayed message may be handled late.
pub fn kept_since(kafka: &kafka::Config, now: DateTime<Utc>) -> DateTime<Utc> {
    now - kafka.record_life()
}
