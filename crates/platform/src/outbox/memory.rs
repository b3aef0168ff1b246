//! The outbox in memory, for tests and the simulation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use super::{Event, Outbox, Unpublished};
use crate::lease::{Lease, MemoryLease};

/// Rows behind a lock, in the place of a table; clones share them.
#[derive(Clone)]
pub struct MemoryOutbox {
    rows: Arc<Mutex<Vec<Row>>>,
    lease: MemoryLease,
}

#[derive(Clone)]
struct Row {
    event: Event,
    published: bool,
}

impl Default for MemoryOutbox {
    fn default() -> Self {
        Self { rows: Arc::default(), lease: MemoryLease::new("relay") }
    }
}

impl MemoryOutbox {
    /// Adds an event, once: what the table's key does in PostgreSQL.
    pub fn insert(&self, event: Event) {
        let mut rows = self.rows();
        if rows.iter().all(|row| row.event.uuid != event.uuid) {
            rows.push(Row { event, published: false });
        }
    }

    /// All events ever written, in their order, and whether each is published.
    pub fn events(&self) -> Vec<(Event, bool)> {
        self.rows().iter().map(|row| (row.event.clone(), row.published)).collect()
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Outbox for MemoryOutbox {
    async fn lease(&self, ttl: Duration) -> anyhow::Result<Option<i64>> {
        self.lease.acquire(ttl).await
    }

    async fn unpublished(&self, limit: i64) -> anyhow::Result<Vec<Unpublished>> {
        let rows = self.rows();
        let waiting = rows.iter().zip(0..).filter(|(row, _)| !row.published);
        let batch = waiting.take(usize::try_from(limit)?).map(|(row, id)| Unpublished {
            id,
            event_uuid: row.event.uuid,
            event_type: row.event.kind.to_owned(),
            key: row.event.key,
            payload: row.event.payload.clone(),
            trace: HashMap::new(),
        });
        Ok(batch.collect())
    }

    async fn mark(&self, _: i64, ids: &[i64]) -> anyhow::Result<()> {
        let mut rows = self.rows();
        for id in ids {
            if let Some(row) = rows.get_mut(usize::try_from(*id)?) {
                row.published = true;
            }
        }
        Ok(())
    }

    async fn sweep(&self, _: Duration) -> anyhow::Result<u64> {
        Ok(0)
    }

    async fn notify(&self) -> anyhow::Result<()> {
        Ok(())
    }

    async fn notified(&self) {
        std::future::pending::<()>().await;
    }
}
