//! The in-memory implementation of [`LoginAttempts`].

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;

use super::Expiring;
use crate::{
    config::Limits,
    error::Error,
    model::{DeviceDigest, LoginAttempt, Origin, account_key},
    repository::{Decision, Judged, LoginAttempts, login_attempts::REMEMBERED_FOR, login_limits::Limit},
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
    Device(DeviceDigest),
    Address(IpAddr),
    Throttled(IpAddr),
    Successes(String),
    NewAccounts(IpAddr),
    Registrations(IpAddr),
    Registered(IpAddr),
}

#[derive(Clone, Copy)]
struct Count {
    attempts: u32,
    /// The number of attempts since the last success.
    all: u32,
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

/// Returns the count of the account, or of the device if it is known.
fn subject(attempt: &LoginAttempt) -> Key {
    match &attempt.origin {
        Origin::NoAccount | Origin::NewDevice => Key::Account(attempt.account_key()),
        Origin::KnownDevice(device) => Key::Device(device.clone()),
    }
}

fn is_exhausted(count: Option<Count>, limit: &Limit) -> bool {
    limit.total > 0 && count.is_some_and(|count| count.all >= limit.total)
}

impl State {
    /// Forgets the attempts on an account, and those from its devices.
    fn forget(&mut self, account: &str, devices: &[DeviceDigest]) {
        self.counts.remove(&Key::Account(account.to_owned()));
        for device in devices {
            self.counts.remove(&Key::Device(device.clone()));
        }
    }

    /// Returns a count. Attempts that are older than the window count only towards `all`.
    fn read(&mut self, key: &Key, limit: &Limit) -> Option<Count> {
        let count = *self.counts.get(key)?;
        let attempts = if count.locked_until + limit.window > Instant::now() { count.attempts } else { 0 };
        Some(Count { attempts, ..count })
    }

    /// Returns the time for which the key stays locked, or `None` if it is not locked.
    fn locked(&mut self, key: &Key) -> Option<Duration> {
        let left = self.counts.get(key)?.locked_until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn count(&mut self, key: Key, limit: &Limit, remembered: Duration) {
        if limit.attempts == 0 {
            return;
        }
        let before = self.read(&key, limit);
        let attempts = before.map_or(0, |count| count.attempts).saturating_add(1);
        let all = before.map_or(0, |count| count.all).saturating_add(1);
        let delay = match attempts.checked_sub(limit.attempts) {
            Some(excess) => (limit.window / 64).max(Duration::from_millis(1)) * (1 << excess.min(6)),
            None => Duration::ZERO,
        };
        let delay = delay.min(limit.window);
        let count = Count { attempts, all, locked_until: Instant::now() + delay };
        let is_remembered = limit.total > 0 && all >= limit.total.min(5);
        let kept = delay + limit.window;
        self.counts.insert(key, count, if is_remembered { remembered.max(kept) } else { kept });
    }

    fn take_back(&mut self, key: &Key, limit: &Limit) {
        let Some(before) = self.read(key, limit) else { return };
        let Some(count) = self.counts.get(key) else { return };
        (count.attempts, count.all) = (before.attempts.saturating_sub(1), before.all.saturating_sub(1));
        if count.all == 0 {
            self.counts.remove(key);
        } else if count.attempts < limit.attempts {
            count.locked_until = count.locked_until.min(Instant::now());
        }
    }

    fn take_back_of_address(&mut self, attempt: &LoginAttempt, judged: Judged, limits: &Limits) {
        match judged.decision {
            _ if !judged.is_counted => {}
            Decision::Throttle => self.take_back(&Key::Throttled(attempt.address), &limits.throttled()),
            _ => self.take_back(&Key::Address(attempt.address), &limits.address()),
        }
    }

    fn decide(&mut self, attempt: &LoginAttempt, limits: &Limits) -> (Decision, bool) {
        let (account, of_account, is_known) = (subject(attempt), limits.account(), attempt.is_from_known_device());
        if let Some(left) = self.locked(&Key::Successes(attempt.account_key())) {
            return (Decision::Busy(left), false);
        }
        let count = self.read(&account, &of_account);
        let is_locked = self.locked(&account).is_some() || is_exhausted(count, &of_account);
        let may_have_failed = of_account.attempts == 0 || count.is_some_and(|count| count.attempts > 0);
        let remembered = if attempt.origin == Origin::NoAccount { Duration::ZERO } else { REMEMBERED_FOR };
        if let Some(left) = self.locked(&Key::Address(attempt.address)) {
            let (throttled, of_throttled) = (Key::Throttled(attempt.address), limits.throttled());
            let is_exhausted = is_exhausted(self.read(&throttled, &of_throttled), &of_throttled);
            if is_locked || !is_known && (may_have_failed || is_exhausted) {
                return (Decision::Limited(left), false);
            }
            self.count(account, &of_account, remembered);
            if is_known {
                return (Decision::Verify, false);
            }
            self.count(throttled, &of_throttled, Duration::ZERO);
            return (Decision::Throttle, true);
        }
        self.count(Key::Address(attempt.address), &limits.address(), Duration::ZERO);
        if is_locked {
            return (Decision::Locked, false);
        }
        self.count(account, &of_account, remembered);
        (Decision::Verify, true)
    }
}

#[async_trait]
impl LoginAttempts for MemoryLoginAttempts {
    async fn begin(&self, attempt: &LoginAttempt) -> Result<Judged, Error> {
        let mut state = self.state();
        let is_crowded = state.locked(&Key::NewAccounts(attempt.address)).is_some();
        let (decision, is_counted) = state.decide(attempt, &self.limits);
        Ok(Judged { decision, is_crowded, is_counted })
    }

    async fn succeed(
        &self,
        attempt: &LoginAttempt,
        devices: &[DeviceDigest],
        judged: Judged,
        is_new: bool,
    ) -> Result<(), Error> {
        let mut state = self.state();
        state.counts.remove(&subject(attempt));
        state.forget(&attempt.account_key(), devices);
        state.take_back_of_address(attempt, judged, &self.limits);
        state.count(Key::Successes(attempt.account_key()), &self.limits.successes(), Duration::ZERO);
        if is_new {
            state.count(Key::NewAccounts(attempt.address), &self.limits.new_accounts(), Duration::ZERO);
        }
        Ok(())
    }

    async fn take_back(&self, attempt: &LoginAttempt, judged: Judged) -> Result<(), Error> {
        let mut state = self.state();
        state.take_back(&subject(attempt), &self.limits.account());
        state.take_back_of_address(attempt, judged, &self.limits);
        Ok(())
    }

    async fn register(&self, address: IpAddr) -> Result<Option<Duration>, Error> {
        let mut state = self.state();
        let counts = [
            (Key::Registrations(address), self.limits.registrations()),
            (Key::Registered(address), self.limits.new_accounts()),
        ];
        let left = counts.iter().filter_map(|(key, _)| state.locked(key)).max();
        if left.is_none() {
            for (key, limit) in counts {
                state.count(key, &limit, Duration::ZERO);
            }
        }
        Ok(left)
    }

    async fn unlock(&self, login: &str, devices: &[DeviceDigest]) -> Result<(), Error> {
        self.state().forget(&account_key(login), devices);
        Ok(())
    }
}
