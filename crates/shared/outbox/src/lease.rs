//! Leases. A lease is a replica's exclusive right that expires, so that another replica can take it if the holder dies
//! or freezes.
//!
//! A lease is a row instead of a lock, since a frozen process would keep a lock. Its epoch fences writes that must not
//! happen twice. Other work is idempotent, and the lease only avoids doing it twice.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use sqlx::Row as _;
use tokio::time::Instant;

use crate::{
    Tables,
    pool::Pool,
    statements::{self, LeaseSql},
};

const RELEASE_TIMEOUT: Duration = Duration::from_millis(500);

#[async_trait]
pub trait Lease: Send + Sync {
    /// Takes or renews the lease for `ttl`. Returns its epoch, or `None` while another holder has the lease. The epoch
    /// grows with each new holder.
    async fn acquire(&self, ttl: Duration) -> anyhow::Result<Option<i64>>;
    /// Releases the lease if this holder still has it in this epoch.
    async fn release(&self, epoch: i64) -> anyhow::Result<()>;
}

/// A lease as a row of the table [`leases`](Tables::leases). It expires by the database's clock.
pub struct PgLease<P> {
    pool: P,
    sql: LeaseSql,
    name: String,
    holder: String,
}

impl<P> PgLease<P> {
    /// Creates the handle of one replica. `name` identifies the lease, and `holder` this process.
    pub fn new(pool: P, tables: &Tables, name: impl Into<String>, holder: impl Into<String>) -> Self {
        Self { pool, sql: LeaseSql::new(&tables.leases), name: name.into(), holder: holder.into() }
    }
}

/// Releases all leases whose holders begin with `holder`, a process or its place, so that another process can take them
/// at once. If the database does not respond within 500 ms, the leases expire instead.
pub async fn release_all<P: Pool>(pool: &P, tables: &Tables, holder: &str) {
    let released = pool.execute(statements::release_all(&tables.leases).query().bind(holder));
    let _ = tokio::time::timeout(RELEASE_TIMEOUT, released).await;
}

#[async_trait]
impl<P: Pool> Lease for PgLease<P> {
    async fn acquire(&self, ttl: Duration) -> anyhow::Result<Option<i64>> {
        let query = self.sql.acquire.query().bind(&self.name).bind(&self.holder).bind(ttl.as_secs_f64());
        let row = self.pool.row(query).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    async fn release(&self, epoch: i64) -> anyhow::Result<()> {
        let query = self.sql.release.query().bind(&self.name).bind(&self.holder).bind(epoch);
        self.pool.execute(query).await?;
        Ok(())
    }
}

/// An in-memory lease. Handles made with [`rival`](Self::rival) compete for it.
#[derive(Clone)]
pub struct MemoryLease {
    holder: Arc<str>,
    state: Arc<Mutex<Option<Held>>>,
}

#[derive(Clone)]
struct Held {
    holder: Arc<str>,
    epoch: i64,
    /// `None` once the holder has released the lease.
    until: Option<Instant>,
}

impl MemoryLease {
    pub fn new(holder: impl Into<Arc<str>>) -> Self {
        Self { holder: holder.into(), state: Arc::default() }
    }

    /// Returns another replica's handle on the same lease.
    #[must_use]
    pub fn rival(&self, holder: impl Into<Arc<str>>) -> Self {
        Self { holder: holder.into(), state: self.state.clone() }
    }

    /// Returns the epoch of the last holder, or 0.
    pub fn epoch(&self) -> i64 {
        self.state().as_ref().map_or(0, |held| held.epoch)
    }

    fn state(&self) -> MutexGuard<'_, Option<Held>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Lease for MemoryLease {
    async fn acquire(&self, ttl: Duration) -> anyhow::Result<Option<i64>> {
        let now = Instant::now();
        let mut state = self.state();
        let epoch = match &*state {
            Some(held) if held.holder == self.holder => held.epoch,
            Some(held) if held.until.is_some_and(|until| until >= now) => return Ok(None),
            Some(held) => held.epoch + 1,
            None => 1,
        };
        *state = Some(Held { holder: self.holder.clone(), epoch, until: Some(now + ttl) });
        Ok(Some(epoch))
    }

    async fn release(&self, epoch: i64) -> anyhow::Result<()> {
        if let Some(held) = &mut *self.state()
            && held.holder == self.holder
            && held.epoch == epoch
        {
            held.until = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lease_passes_on_when_its_holder_falls_silent() {
        let first = MemoryLease::new("first");
        let second = first.rival("second");
        let ttl = Duration::from_secs(5);

        assert_eq!(first.acquire(ttl).await.unwrap(), Some(1));
        assert_eq!(second.acquire(ttl).await.unwrap(), None);
        tokio::time::sleep(ttl * 2).await;
        assert_eq!(second.acquire(ttl).await.unwrap(), Some(2));
        assert_eq!(first.acquire(ttl).await.unwrap(), None);
        assert_eq!(first.epoch(), 2);
    }
}
