//! The in-memory implementation of [`LoginAttempts`].

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;

use super::expiring::Expiring;
use crate::{
    config::{Limit, Limits},
    error::Error,
    model::LoginAttempt,
    repository::{Decision, LoginAttempts},
};

pub struct MemoryLoginAttempts {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counts: Expiring<Key, Count>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(String),
    Address(IpAddr),
    Registrations(IpAddr),
}

struct Count {
    attempts: u32,
    locked_until: Instant,
}

impl MemoryLoginAttempts {
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the time for which the key stays locked, or `None` if it is not locked.
    fn locked(&mut self, key: &Key) -> Option<Duration> {
        let left = self.counts.get(key)?.locked_until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn count(&mut self, key: Key, limit: &Limit) {
        if limit.attempts == 0 {
            return;
        }
        let attempts = self.counts.get(&key).map_or(0, |count| count.attempts).saturating_add(1);
        let delay = match attempts.checked_sub(limit.attempts) {
            Some(excess) => (limit.window / 64).max(Duration::from_millis(1)) * (1 << excess.min(6)),
            None => Duration::ZERO,
        };
        let delay = delay.min(limit.window);
        self.counts.insert(key, Count { attempts, locked_until: Instant::now() + delay }, delay + limit.window);
    }

    fn take_back(&mut self, key: &Key, limit: &Limit) {
        let Some(count) = self.counts.get(key) else { return };
        count.attempts = count.attempts.saturating_sub(1);
        if count.attempts == 0 {
            self.counts.remove(key);
        } else if count.attempts < limit.attempts {
            count.locked_until = Instant::now();
        }
    }
}

#[async_trait]
impl LoginAttempts for MemoryLoginAttempts {
    async fn begin(&self, attempt: &LoginAttempt) -> Result<Decision, Error> {
        let (account, address) = (Key::Account(attempt.account_key()), Key::Address(attempt.address));
        let mut state = self.state();
        if let Some(left) = state.locked(&address) {
            return Ok(Decision::Limited(left));
        }
        state.count(address, &self.limits.address());
        if state.locked(&account).is_some() {
            return Ok(Decision::Locked);
        }
        state.count(account, &self.limits.account());
        Ok(Decision::Verify)
    }

    async fn succeed(&self, attempt: &LoginAttempt) -> Result<(), Error> {
        let mut state = self.state();
        state.counts.remove(&Key::Account(attempt.account_key()));
        state.take_back(&Key::Address(attempt.address), &self.limits.address());
        Ok(())
    }

    async fn take_back(&self, attempt: &LoginAttempt) -> Result<(), Error> {
        let mut state = self.state();
        state.take_back(&Key::Account(attempt.account_key()), &self.limits.account());
        state.take_back(&Key::Address(attempt.address), &self.limits.address());
        Ok(())
    }

    async fn register(&self, address: IpAddr) -> Result<Option<Duration>, Error> {
        let key = Key::Registrations(address);
        let mut state = self.state();
        let left = state.locked(&key);
        if left.is_none() {
            state.count(key, &self.limits.registrations());
        }
        Ok(left)
    }
}
