//! Reads the console's timeline: the records of the topics of orders.

use chrono::{DateTime, Utc};
use platform::postgres::Database;
use sqlx::FromRow;
use uuid::Uuid;

/// A record without its payload.
#[derive(FromRow)]
pub struct TimelineRecord {
    pub topic: String,
    pub partition: i32,
    pub record_offset: i64,
    pub published_at: DateTime<Utc>,
    pub kind: String,
    /// The header `event-uuid`.
    pub event: Option<String>,
}

/// Returns the user of an order; `None` if no record names it yet.
pub async fn owner(database: &Database, order: Uuid) -> sqlx::Result<Option<Uuid>> {
    let owner = "select user_uuid from timeline where order_uuid = $1 and user_uuid is not null order by place limit 1";
    sqlx::query_scalar(owner).bind(order).fetch_optional(database).await
}

/// Reads the first `limit` records of an order, in the order of their commits.
pub async fn timeline(database: &Database, order: Uuid, limit: i64) -> sqlx::Result<Vec<TimelineRecord>> {
    let records = sqlx::query_as(
        "select topic, partition, record_offset, published_at, kind, headers ->> 'event-uuid' as event
        from timeline where order_uuid = $1 order by place limit $2",
    );
    records.bind(order).bind(limit).fetch_all(database).await
}
