//! Sessions in memory, for one process on its own, for tests and the simulation.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Admission, RETIRED, Sessions};
use crate::{
    config::Limits,
    error::Error,
    model::{Attempt, Session, SessionId, User},
};

pub struct MemorySessions {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sessions: Expiring<SessionId, Session>,
    retired: Expiring<(Uuid, DateTime<Utc>), ()>,
    login_failures: Expiring<String, u32>,
    address_failures: Expiring<IpAddr, u32>,
}

impl MemorySessions {
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, state: &mut State, user: &User, attempt: &Attempt) -> Admission {
        let reached =
            |failures: Option<&mut u32>, limit: u32| limit > 0 && failures.is_some_and(|count| *count >= limit);
        if reached(state.address_failures.get(&attempt.address), self.limits.iam_address_failures) {
            return Admission::Limited(state.address_failures.left(&attempt.address));
        }
        if reached(state.login_failures.get(&attempt.login), self.limits.iam_lockout_failures)
            || state.retired.get(&(user.uuid, user.updated_at)).is_some()
        {
            return Admission::Refused;
        }
        Admission::Granted
    }
}

#[async_trait]
impl Sessions for MemorySessions {
    async fn open(&self, session: &Session, attempt: &Attempt) -> Result<Admission, Error> {
        let mut state = self.state();
        let admission = self.admit(&mut state, &session.user, attempt);
        if admission == Admission::Granted {
            state.login_failures.remove(&attempt.login);
            state.sessions.insert(session.id, session.clone(), session.lifetime());
        }
        Ok(admission)
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, Error> {
        Ok(self.state().sessions.get(&id).cloned())
    }

    async fn close(&self, id: SessionId) -> Result<(), Error> {
        self.state().sessions.remove(&id);
        Ok(())
    }

    async fn close_all(&self, user: Uuid) -> Result<(), Error> {
        self.state().sessions.retain(|session| session.user.uuid != user);
        Ok(())
    }

    async fn close_others(&self, kept: &Session, attempt: &Attempt) -> Result<Admission, Error> {
        let mut state = self.state();
        let admission = self.admit(&mut state, &kept.user, attempt);
        if admission != Admission::Granted {
            return Ok(admission);
        }
        if state.sessions.get(&kept.id).is_none() {
            return Ok(Admission::Refused);
        }
        state.login_failures.remove(&attempt.login);
        state.retired.insert((kept.user.uuid, kept.user.updated_at), (), RETIRED);
        state.sessions.retain(|session| session.user.uuid != kept.user.uuid || session.id == kept.id);
        Ok(Admission::Granted)
    }

    async fn rewrite(&self, session: &Session) -> Result<(), Error> {
        if let Some(living) = self.state().sessions.get(&session.id) {
            *living = session.clone();
        }
        Ok(())
    }

    async fn failed(&self, attempt: &Attempt) -> Result<Option<Duration>, Error> {
        let mut state = self.state();
        *state.login_failures.entry(attempt.login.clone(), self.limits.iam_lockout_window) += 1;
        let failures = state.address_failures.entry(attempt.address, self.limits.iam_address_window);
        *failures += 1;
        let limited = self.limits.iam_address_failures > 0 && *failures > self.limits.iam_address_failures;
        Ok(limited.then(|| state.address_failures.left(&attempt.address)))
    }
}

/// Entries that end. Those that have ended are dropped now and then, so that they do not pile up.
struct Expiring<K, V> {
    entries: HashMap<K, (V, Instant)>,
    sweep_at: usize,
}

impl<K, V> Default for Expiring<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), sweep_at: 1024 }
    }
}

impl<K: Eq + Hash, V> Expiring<K, V> {
    fn insert(&mut self, key: K, value: V, lifetime: Duration) {
        if self.entries.len() >= self.sweep_at {
            let now = Instant::now();
            self.entries.retain(|_, (_, end)| *end > now);
            self.sweep_at = (self.entries.len() * 2).max(1024);
        }
        self.entries.insert(key, (value, Instant::now() + lifetime));
    }

    fn get(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).filter(|(_, end)| *end > Instant::now()).map(|(value, _)| value)
    }

    fn left(&self, key: &K) -> Duration {
        self.entries.get(key).map(|(_, end)| end.saturating_duration_since(Instant::now())).unwrap_or_default()
    }

    fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }

    fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.entries.retain(|_, (value, _)| keep(value));
    }
}

impl<K: Eq + Hash + Clone, V: Default> Expiring<K, V> {
    /// The entry, made where there is none that lives.
    fn entry(&mut self, key: K, lifetime: Duration) -> &mut V {
        if self.get(&key).is_none() {
            self.insert(key.clone(), V::default(), lifetime);
        }
        &mut self.entries.entry(key).or_insert_with(|| (V::default(), Instant::now() + lifetime)).0
    }
}
