//! The in-memory implementation of [`StatusCache`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contracts::ids::UserId;
use tokio::time::Instant;

use crate::repository::{CachedStatus, Lookup, StatusCache, StatusKey};

/// A cache that behaves as [`RedisStatusCache`](crate::repository::RedisStatusCache) does. Clones share the state.
#[derive(Clone, Default)]
pub struct MemoryStatusCache(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    cached: HashMap<StatusKey, (CachedStatus, Instant)>,
    callers_until: HashMap<StatusKey, Instant>,
    away: bool,
}

impl MemoryStatusCache {
    /// While `away` is true, every call fails as if Redis were unavailable.
    pub fn set_away(&self, away: bool) {
        self.lock().away = away;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> anyhow::Result<MutexGuard<'_, State>> {
        let state = self.lock();
        anyhow::ensure!(!state.away, "Redis is away");
        Ok(state)
    }
}

#[async_trait]
impl StatusCache for MemoryStatusCache {
    async fn find(
        &self,
        key: StatusKey,
        owner: UserId,
        least_version: u64,
        max_wait: Duration,
    ) -> anyhow::Result<Lookup> {
        let (mut state, now) = (self.state()?, Instant::now());
        if let Some((cached, until)) = state.cached.get(&key)
            && *until > now
            && cached.owner == owner
            && cached.version >= least_version
        {
            return Ok(Lookup::Response(cached.response.clone()));
        }
        if state.callers_until.get(&key).is_some_and(|until| *until > now) {
            return Ok(Lookup::Wait);
        }
        state.callers_until.insert(key, now + max_wait);
        Ok(Lookup::Ask)
    }

    async fn store(&self, key: StatusKey, cached: &CachedStatus, ttl: Duration) -> anyhow::Result<()> {
        let (mut state, now) = (self.state()?, Instant::now());
        state.callers_until.remove(&key);
        let is_later = |(known, until): &(CachedStatus, Instant)| *until > now && known.version > cached.version;
        if !state.cached.get(&key).is_some_and(is_later) {
            state.cached.insert(key, (cached.clone(), now + ttl));
        }
        Ok(())
    }

    async fn give_up(&self, key: StatusKey) -> anyhow::Result<()> {
        self.state()?.callers_until.remove(&key);
        Ok(())
    }
}
