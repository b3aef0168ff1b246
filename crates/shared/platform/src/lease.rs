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
use tokio::time::Instant;

use crate::postgres::Database;

const RELEASE_TIMEOUT: Duration = Duration::from_millis(500);

#[async_trait]
pub trait Lease: Send + Sync {
    /// Takes or renews the lease for `ttl`. Returns its epoch, or `None` while another holder has the lease. The epoch
    /// grows with each new holder.
    async fn acquire(&self, ttl: Duration) -> anyhow::Result<Option<i64>>;
    /// Releases the lease if this holder still has it in this epoch.
    async fn release(&self, epoch: i64) -> anyhow::Result<()>;
}

/// A lease as a row of the table `leases`. It expires by the database's clock.
pub struct PgLease {
    pool: Database,
    name: &'static str,
    holder: String,
}

impl PgLease {
    pub fn new(pool: Database, name: &'static str, holder: String) -> Self {
        Self { pool, name, holder }
    }
}

/// Releases all leases whose holders begin with `holder`, a process or its place, so that another process can take them
/// at once. If the database does not respond within [`RELEASE_TIMEOUT`], the leases expire instead.
pub async fn release_all(pool: &Database, holder: &str) {
    let released =
        sqlx::query!("update leases set expires_at = now() where starts_with(holder, $1)", holder).execute(pool);
    let _ = tokio::time::timeout(RELEASE_TIMEOUT, released).await;
}

#[async_trait]
impl Lease for PgLease {
    async fn acquire(&self, ttl: Duration) -> anyhow::Result<Option<i64>> {
        let epoch = sqlx::query_scalar!(
            "insert into leases (name, holder, epoch, expires_at)
            values ($1, $2, 1, now() + make_interval(secs => $3))
            on conflict (name) do update set
              epoch = leases.epoch + case when leases.holder = excluded.holder then 0 else 1 end,
              holder = excluded.holder,
              expires_at = excluded.expires_at
            where leases.holder = excluded.holder or leases.expires_at < now()
            returning epoch",
            self.name,
            self.holder,
            ttl.as_secs_f64(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(epoch)
    }

    async fn release(&self, epoch: i64) -> anyhow::Result<()> {
        sqlx::query!(
            "update leases set expires_at = now() where name = $1 and holder = $2 and epoch = $3",
            self.name,
            self.holder,
            epoch,
        )
        .execute(&self.pool)
        .await?;
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
