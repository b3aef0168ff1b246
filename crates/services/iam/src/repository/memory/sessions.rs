//! Sessions in memory.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::UserId;

use super::expiring::Expiring;
use crate::{
    config::Limits,
    error::Error,
    model::{LoginAttempt, Session, SessionId, User},
    repository::{Admission, Sessions, sessions::RETIRED},
};

pub struct MemorySessions {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sessions: Expiring<SessionId, Session>,
    retired: Expiring<(UserId, DateTime<Utc>), ()>,
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

    fn admit(&self, state: &mut State, user: &User, attempt: &LoginAttempt) -> Admission {
        let is_reached =
            |failures: Option<&mut u32>, limit: u32| limit > 0 && failures.is_some_and(|count| *count >= limit);
        if is_reached(state.address_failures.get(&attempt.address), self.limits.iam_address_failures) {
            return Admission::Limited(state.address_failures.time_left(&attempt.address));
        }
        if is_reached(state.login_failures.get(&attempt.login), self.limits.iam_lockout_failures)
            || state.retired.get(&(user.id, user.updated_at)).is_some()
        {
            return Admission::Refused;
        }
        Admission::Granted
    }
}

#[async_trait]
impl Sessions for MemorySessions {
    async fn open(&self, session: &Session, attempt: &LoginAttempt) -> Result<Admission, Error> {
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

    async fn close_all(&self, user: UserId) -> Result<(), Error> {
        self.state().sessions.retain(|session| session.user.id != user);
        Ok(())
    }

    async fn close_others(&self, kept: &Session, attempt: &LoginAttempt) -> Result<Admission, Error> {
        let mut state = self.state();
        let admission = self.admit(&mut state, &kept.user, attempt);
        if admission != Admission::Granted {
            return Ok(admission);
        }
        if state.sessions.get(&kept.id).is_none() {
            return Ok(Admission::Refused);
        }
        state.login_failures.remove(&attempt.login);
        state.retired.insert((kept.user.id, kept.user.updated_at), (), RETIRED);
        state.sessions.retain(|session| session.user.id != kept.user.id || session.id == kept.id);
        Ok(Admission::Granted)
    }

    async fn update(&self, session: &Session) -> Result<(), Error> {
        if let Some(stored) = self.state().sessions.get(&session.id) {
            *stored = session.clone();
        }
        Ok(())
    }

    async fn record_failure(&self, attempt: &LoginAttempt) -> Result<Option<Duration>, Error> {
        let mut state = self.state();
        *state.login_failures.entry(attempt.login.clone(), self.limits.iam_lockout_window) += 1;
        let failures = state.address_failures.entry(attempt.address, self.limits.iam_address_window);
        *failures += 1;
        let limited = self.limits.iam_address_failures > 0 && *failures > self.limits.iam_address_failures;
        Ok(limited.then(|| state.address_failures.time_left(&attempt.address)))
    }
}
