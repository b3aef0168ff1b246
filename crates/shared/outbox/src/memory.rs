//! An in-memory implementation of the outbox, for tests and the simulation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::DateTime;

use crate::{Backlog, Event, Lease, MemoryLease, Outbox, TakenBack, Unpublished};

/// An outbox in memory. Clones share the rows and the lease.
#[derive(Clone)]
pub struct MemoryOutbox {
    rows: Arc<Mutex<Vec<Row>>>,
    lease: MemoryLease,
}

#[derive(Clone)]
struct Row {
    event: Event,
    published: bool,
    set_aside: bool,
}

impl Default for MemoryOutbox {
    fn default() -> Self {
        Self { rows: Arc::default(), lease: MemoryLease::new("relay") }
    }
}

impl MemoryOutbox {
    /// Adds an event. Panics if the outbox has one with the same uuid, which the unique key of PostgreSQL's table would
    /// refuse.
    pub fn insert(&self, event: Event) {
        let uuid = event.uuid;
        assert!(self.insert_new(event), "the event {uuid} is in the outbox already");
    }

    /// Adds an event and returns true, unless the outbox has one with the same uuid, as
    /// `on conflict (event_uuid) do nothing` does.
    pub fn insert_new(&self, event: Event) -> bool {
        let mut rows = self.rows();
        let is_new = rows.iter().all(|row| row.event.uuid != event.uuid);
        if is_new {
            rows.push(Row { event, published: false, set_aside: false });
        }
        is_new
    }

    /// Returns another replica's handle on the same rows, which competes for the lease.
    #[must_use]
    pub fn rival(&self, holder: impl Into<Arc<str>>) -> Self {
        Self { rows: self.rows.clone(), lease: self.lease.rival(holder) }
    }

    /// Returns the lease's epoch. Calls with an earlier epoch change no row.
    pub fn epoch(&self) -> i64 {
        self.lease.epoch()
    }

    /// Returns all events, in order, and whether each is published.
    pub fn events(&self) -> Vec<(Event, bool)> {
        self.rows().iter().map(|row| (row.event.clone(), row.published)).collect()
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes those rows of `ids` that are not published. Does nothing if another replica has taken the lease since
    /// `epoch`.
    fn change(&self, epoch: i64, ids: &[i64], change: impl Fn(&mut Row)) -> anyhow::Result<()> {
        if epoch != self.epoch() {
            return Ok(());
        }
        let mut rows = self.rows();
        for id in ids {
            if let Some(row) = rows.get_mut(usize::try_from(*id)?).filter(|row| !row.published) {
                change(row);
            }
        }
        Ok(())
    }
}

/// Returns true if an earlier row of the same key as `rows[place]` is set aside, unpublished, and satisfies `of`.
fn is_behind(rows: &[Row], place: usize, of: impl Fn(&Row) -> bool) -> bool {
    let key = rows[place].event.key;
    rows[..place].iter().any(|row| row.event.key == key && row.set_aside && !row.published && of(row))
}

#[async_trait]
impl Outbox for MemoryOutbox {
    async fn lease(&self, ttl: Duration) -> anyhow::Result<Option<i64>> {
        self.lease.acquire(ttl).await
    }

    async fn release(&self, epoch: i64) -> anyhow::Result<()> {
        self.lease.release(epoch).await
    }

    async fn unpublished(&self, limit: i64, besides: &[i64]) -> anyhow::Result<Vec<Unpublished>> {
        let rows = self.rows();
        let waiting = (0_i64..).zip(rows.iter().enumerate());
        let waiting = waiting.filter(|(id, (_, row))| !row.published && !row.set_aside && !besides.contains(id));
        let batch = waiting.take(usize::try_from(limit)?).map(|(id, (place, row))| Unpublished {
            id,
            event_uuid: row.event.uuid,
            event_type: row.event.kind.to_owned(),
            key: row.event.key,
            payload: row.event.payload.clone(),
            written: DateTime::UNIX_EPOCH,
            trace: HashMap::new(),
            is_behind: is_behind(&rows, place, |_| true),
        });
        Ok(batch.collect())
    }

    async fn mark(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        self.change(epoch, ids, |row| row.published = true)
    }

    async fn set_aside(&self, epoch: i64, ids: &[i64]) -> anyhow::Result<()> {
        self.change(epoch, ids, |row| row.set_aside = true)
    }

    async fn take_back(&self, epoch: i64, kinds: &[&str], _: i64) -> anyhow::Result<TakenBack> {
        let rows = self.rows().clone();
        let unknown = |row: &Row| !kinds.contains(&row.event.kind);
        let can = (0..rows.len()).filter(|place| {
            let row = &rows[*place];
            row.set_aside && !row.published && !unknown(row) && !is_behind(&rows, *place, unknown)
        });
        let ids = can.map(i64::try_from).collect::<Result<Vec<_>, _>>()?;
        self.change(epoch, &ids, |row| row.set_aside = false)?;
        Ok(TakenBack { count: ids.len() as u64, more: false })
    }

    async fn backlog(&self) -> anyhow::Result<Backlog> {
        let rows = self.rows();
        let waiting = rows.iter().filter(|row| !row.published);
        Ok(Backlog {
            waiting: waiting.clone().count() as u64,
            set_aside: waiting.filter(|row| row.set_aside).count() as u64,
            // Rows in memory have no creation time.
            oldest: Duration::ZERO,
        })
    }

    async fn notify(&self) -> anyhow::Result<()> {
        Ok(())
    }

    async fn notified(&self) {
        std::future::pending::<()>().await;
    }
}
