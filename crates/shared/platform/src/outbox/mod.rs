//! The outbox. A service writes events in the transaction of their change; the relay publishes them from the table,
//! whose published rows a job deletes.

mod batch;
mod memory;
mod metrics;
mod postgres;
mod publisher;
mod relay;

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{jobs::Done, postgres::Database};

pub use memory::MemoryOutbox;
pub use postgres::PgOutbox;
pub use publisher::{PublishOutcome, Publisher, Refused, Scope, in_order_of_keys};
pub use relay::Relay;

/// An event for the outbox. Every field is a parameter of the statement that makes the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event id, see [`event_uuid`]. Writing the same event twice violates the table's unique key.
    pub uuid: Uuid,
    /// The event type, such as `events.v1.Something`. The relay maps it to a topic.
    pub kind: &'static str,
    /// The partition key. Events with the same key keep their order.
    pub key: Uuid,
    pub payload: Vec<u8>,
}

/// Events as columns, for a statement's array parameters.
#[derive(Debug, Default)]
pub struct Columns {
    pub uuids: Vec<Uuid>,
    pub kinds: Vec<String>,
    pub keys: Vec<Uuid>,
    pub payloads: Vec<Vec<u8>>,
}

impl FromIterator<Event> for Columns {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let mut columns = Self::default();
        for event in events {
            columns.uuids.push(event.uuid);
            columns.kinds.push(event.kind.to_owned());
            columns.keys.push(event.key);
            columns.payloads.push(event.payload);
        }
        columns
    }
}

/// Wakes the relay after a commit. Several cheap calls may result in one wake-up.
#[derive(Clone, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// The trace context that is stored with an event.
pub type Trace = serde_json::Value;

pub fn trace() -> Trace {
    serde_json::json!(crate::telemetry::trace_context())
}

#[derive(Clone, Debug)]
pub struct Unpublished {
    /// Grows in the order in which the rows of one key were written.
    pub id: i64,
    pub event_uuid: Uuid,
    pub event_type: String,
    pub key: Uuid,
    pub payload: Vec<u8>,
    /// When the row was written, by the database's clock.
    pub written: DateTime<Utc>,
    pub trace: HashMap<String, String>,
    /// True if an earlier row of the same key is set aside, which must be published first.
    pub is_behind: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The number of unpublished rows, including those set aside.
    pub waiting: u64,
    /// The number of rows that are set aside: rows without a topic, rows that are refused or whose topic is, and later
    /// rows of the same keys.
    pub set_aside: u64,
    /// The age of the oldest row that is not published.
    pub oldest: Duration,
}

/// The outbox table, as the relay uses it.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Takes or renews the lease to publish, for `ttl`. Returns its epoch, or `None` while another replica has the
    /// lease.
    async fn lease(&self, ttl: Duration) -> anyhow::Result<Option<i64>>;
    /// Releases the lease if this replica still has it in this epoch.
    async fn release(&self, epoch: i64) -> anyhow::Result<()>;
    /// Returns up to `limit` of the oldest rows that are neither published, set aside nor in `besides`.
    async fn unpublished(&self, limit: i64, besides: &[i64]) -> anyhow::Result<Vec<Unpublished>>;
    /// Marks rows as published. Does nothing if another replica has taken the lease since `epoch`.
    async fn mark(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()>;
    /// Sets aside rows that cannot be published now, so that rows of other keys can be. Does nothing if another replica
    /// has taken the lease since `epoch`.
    async fn set_aside(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()>;
    /// Takes back rows that were set aside and that can now be published in the order of their key. `kinds` are the
    /// event types with a topic. Examines at most `limit` rows; the next call continues after them.
    async fn take_back(&self, epoch: i64, kinds: &[&str], limit: i64) -> anyhow::Result<Done>;
    /// Counts the backlog, up to a bound.
    async fn backlog(&self) -> anyhow::Result<Backlog>;
    /// Wakes the relay of the replica that has the lease.
    async fn notify(&self) -> anyhow::Result<()>;
    /// Returns when another replica has called [`notify`](Self::notify), or after a while if notifications cannot be
    /// received.
    async fn notified(&self);
}

/// Derives the id of an event of the type `kind` with the partition key `key`. `part` distinguishes the events of one
/// key and type if a key can have several.
pub fn event_uuid(key: Uuid, kind: &str, part: Option<&str>) -> Uuid {
    let name = part.map_or_else(|| kind.to_owned(), |part| format!("{kind}/{part}"));
    Uuid::new_v5(&key, name.as_bytes())
}

/// The maximum number of rows that one statement deletes.
pub const SWEEP_BATCH: u64 = 5_000;

/// Deletes a bounded batch of rows published longer ago than `age`. Returns their number.
pub async fn sweep(pool: &Database, age: Duration) -> anyhow::Result<u64> {
    let swept = sqlx::query!(
        "delete from outbox where id = any(array(
            select id from outbox where published_at < now() - make_interval(secs => $1) order by published_at limit $2))",
        age.as_secs_f64(),
        SWEEP_BATCH.cast_signed(),
    )
    .execute(pool)
    .await?;
    Ok(swept.rows_affected())
}
