//! The outbox table, as the relay uses it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use uuid::Uuid;

/// Wakes the relay after a commit. Several cheap calls may result in one wake-up.
#[derive(Clone, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    pub fn wake(&self) {
        self.0.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.0.notified().await;
    }
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
    /// Further headers of the record, such as the trace context.
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

/// The result of [`Outbox::take_back`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// The number of rows that were taken back.
    pub count: u64,
    /// True if the limit was reached: there may be more rows that are set aside.
    pub more: bool,
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
    async fn take_back(&self, epoch: i64, kinds: &[&str], limit: i64) -> anyhow::Result<TakenBack>;
    /// Counts the backlog, up to a bound.
    async fn backlog(&self) -> anyhow::Result<Backlog>;
    /// Wakes the relay of the replica that has the lease.
    async fn notify(&self) -> anyhow::Result<()>;
    /// Returns when another replica has called [`notify`](Self::notify), or after a while if notifications cannot be
    /// received. May never return: the relay looks for rows periodically, too.
    async fn notified(&self);
}
