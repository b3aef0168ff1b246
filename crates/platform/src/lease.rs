//! A lease: the right of one replica to do something alone, which passes on when its holder dies or is only stopped.
//!
//! A row with an expiry and an epoch, not a lock: a lock stays with a process that is frozen. What must not happen twice is
//! guarded by the epoch or is idempotent; the lease saves the work of doing it twice.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use sqlx::PgPool;
use tokio::time::Instant;

#[async_trait]
pub trait Lease: Send + Sync {
    /// Takes or renews the lease for `ttl`: its epoch, which grows with each new holder, or nothing while somebody else has it.
    async fn acquire(&self, ttl: Duration) -> anyhow::Result<Option<i64>>;
}

/// A row of the table `leases`; the database's clock counts.
pub struct PgLease {
    pool: PgPool,
    name: &'static str,
    holder: String,
}

impl PgLease {
    pub fn new(pool: PgPool, name: &'static str, holder: String) -> Self {
        Self { pool, name, holder }
    }
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
}

/// A lease in memory; clones made with [`rival`](Self::rival) compete for it.
#[derive(Clone)]
pub struct MemoryLease {
    holder: &'static str,
    state: Arc<Mutex<Option<Held>>>,
}

#[derive(Clone, Copy)]
struct Held {
    holder: &'static str,
    epoch: i64,
    until: Instant,
}

impl MemoryLease {
    pub fn new(holder: &'static str) -> Self {
        Self { holder, state: Arc::default() }
    }

    /// Another replica's handle on the same lease.
    #[must_use]
    pub fn rival(&self, holder: &'static str) -> Self {
        Self { holder, state: self.state.clone() }
    }
}

#[async_trait]
impl Lease for MemoryLease {
    async fn acquire(&self, ttl: Duration) -> anyhow::Result<Option<i64>> {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = match *state {
            Some(held) if held.holder == self.holder => held.epoch,
            Some(held) if held.until >= now => return Ok(None),
            Some(held) => held.epoch + 1,
            None => 1,
        };
        *state = Some(Held { holder: self.holder, epoch, until: now + ttl });
        Ok(Some(epoch))
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
    }
}
