//! The outbox: events are written in the transaction of their change and published from the table.

mod event_id;
mod memory;
mod metrics;
mod postgres;
mod relay;
mod retention;

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
pub use event_id::event_uuid;
pub use memory::MemoryOutbox;
pub use postgres::{PgOutbox, TABLE};
pub use relay::{Relay, Waker};
pub use retention::{SWEEP_BATCH, sweep};
use uuid::Uuid;

use crate::{batch::Done, kafka::Record};

/// An event as the outbox keeps it. Every field is a parameter of the statement that also makes the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// See [`event_uuid`]: the same event written twice violates the table's key.
    pub uuid: Uuid,
    /// `events.v1.Something`; the relay knows its topic.
    pub kind: &'static str,
    /// Events of one key keep their order.
    pub key: Uuid,
    pub payload: Vec<u8>,
}

/// Several events as the columns of a statement's array parameters.
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

/// The trace context that is stored with an event.
pub type Trace = serde_json::Value;

/// Returns the trace context of the current span.
pub fn trace() -> Trace {
    serde_json::json!(crate::telemetry::trace_context())
}

/// A row that has not been published yet.
#[derive(Clone, Debug)]
pub struct Unpublished {
    /// Grows with time within one key.
    pub id: i64,
    pub event_uuid: Uuid,
    pub event_type: String,
    pub key: Uuid,
    pub payload: Vec<u8>,
    pub trace: HashMap<String, String>,
    /// True if an earlier row of the same key is set aside, which this row must not overtake.
    pub is_behind: bool,
}

/// The backlog of an outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Rows that are not published, including rows that are set aside.
    pub waiting: u64,
    /// Rows whose type has no topic, or that follow such a row of their key.
    pub set_aside: u64,
    /// How long ago the oldest row that waits was written.
    pub oldest: Duration,
}

/// The table as the relay sees it.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Takes or renews the lease to publish for `ttl`. Returns its epoch, or `None` while another replica has the lease.
    async fn lease(&self, ttl: Duration) -> anyhow::Result<Option<i64>>;
    /// Releases the lease if this replica still has it in this epoch, so that another can take it at once.
    async fn release(&self, epoch: i64) -> anyhow::Result<()>;
    /// Returns up to `limit` of the oldest rows that are neither published nor set aside nor in `besides`.
    async fn unpublished(&self, limit: i64, besides: &[i64]) -> anyhow::Result<Vec<Unpublished>>;
    /// Marks rows as published, unless another replica has taken the lease since `epoch`.
    async fn mark(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()>;
    /// Sets aside rows that cannot be published now, so that rows of other keys can, unless another replica has taken the lease.
    async fn set_aside(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()>;
    /// Takes back rows that were set aside and can now be published in their order, if `kinds` are the types with a topic. Examines a
    /// bounded number of rows; the next call continues after them.
    async fn take_back(&self, epoch: i64, kinds: &[&str]) -> anyhow::Result<Done>;
    /// Returns the backlog, counted up to a bound.
    async fn backlog(&self) -> anyhow::Result<Backlog>;
    /// Wakes the relay of another replica.
    async fn notify(&self) -> anyhow::Result<()>;
    /// Returns when another replica has called [`notify`](Self::notify), or after a while if notifications cannot be received.
    async fn notified(&self);
}

/// Where records go.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Returns when every record is acknowledged, in their order. On an error some may be published and some not.
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()>;
}
