//! The in-memory implementation of [`Sessions`].

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::clock;
use tokio::time::Instant;

use super::Expiring;
use crate::{
    config::SessionBounds,
    error::Error,
    model::{
        Credential, OpenSession, Owner, Session, SessionDigest, SessionId, SessionSummary, SessionTimes, ShortId,
        TokenDigest, TokenId, User,
    },
    repository::{Admission, Lookup, Sessions, sessions::RETIRED_FOR},
};

pub struct MemorySessions {
    bounds: SessionBounds,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sessions: Expiring<SessionDigest, Stored>,
    /// Each user's sessions, in the order in which they were opened. Some may have ended.
    of_user: Expiring<UserId, Vec<SessionDigest>>,
    owners: Expiring<UserId, Owner>,
    tokens: Expiring<TokenDigest, SessionDigest>,
    /// Each session's tokens, in the order in which they were issued. Some may have ended.
    of_session: Expiring<SessionDigest, Vec<TokenDigest>>,
    changing: Expiring<UserId, ()>,
    retired: Expiring<(UserId, DateTime<Utc>), ()>,
}

struct Stored {
    times: SessionTimes,
    used: Instant,
    used_at: DateTime<Utc>,
}

impl MemorySessions {
    pub fn new(bounds: SessionBounds) -> Self {
        Self { bounds, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_up(&self, credential: &Credential) -> Lookup {
        let mut state = self.state();
        let digest = match credential {
            Credential::Session(id) => Some(id.digest()),
            Credential::Token(id) => state.tokens.get(&id.digest()).cloned(),
        };
        let Some(digest) = digest else { return Lookup::Ended };
        let Some(stored) = state.sessions.get(&digest) else { return Lookup::Ended };
        if self.is_idle(stored) {
            state.sessions.remove(&digest);
            return Lookup::Ended;
        }
        if stored.used.elapsed() >= self.bounds.precision() {
            (stored.used, stored.used_at) = (Instant::now(), clock::now());
        }
        let times = stored.times;
        match state.owners.get(&times.user).cloned() {
            Some(owner) => Lookup::Found(OpenSession { times, owner }),
            None => Lookup::WithoutOwner(times),
        }
    }

    fn is_idle(&self, stored: &Stored) -> bool {
        self.bounds.iam_session_idle.is_some_and(|idle| stored.used.elapsed() > idle)
    }
}

impl State {
    fn is_retired(&mut self, user: &User) -> bool {
        self.retired.get(&(user.id, user.updated_at)).is_some()
    }

    fn end_all(&mut self, user: UserId) {
        for session in self.of(user) {
            self.sessions.remove(&session);
        }
        self.of_user.remove(&user);
        self.owners.remove(&user);
        self.changing.remove(&user);
    }

    fn of(&mut self, user: UserId) -> Vec<SessionDigest> {
        self.of_user.get(&user).cloned().unwrap_or_default()
    }

    /// Stores the owner for as long as a session of the user may live, unless a newer version is stored. While the user
    /// is being changed, stores only an owner that comes from a change (`is_change`).
    fn remember(&mut self, owner: &Owner, is_change: bool) {
        let left = self.of_user.time_left(&owner.id);
        if left.is_zero() || !is_change && self.changing.get(&owner.id).is_some() {
            return;
        }
        self.changing.remove(&owner.id);
        let newer = self.owners.get(&owner.id).filter(|known| known.version > owner.version).cloned();
        self.owners.insert(owner.id, newer.unwrap_or_else(|| owner.clone()), left);
    }

    fn begin_change(&mut self, user: UserId) {
        self.owners.remove(&user);
        self.changing.insert(user, (), RETIRED_FOR);
    }
}

#[async_trait]
impl Sessions for MemorySessions {
    async fn open(&self, session: &Session, limit: u32) -> Result<Admission, Error> {
        let mut state = self.state();
        if state.is_retired(&session.user) {
            return Ok(Admission::Retired);
        }
        let (digest, user) = (session.id.digest(), session.user.id);
        let stored = Stored { times: session.into(), used: Instant::now(), used_at: clock::now() };
        state.sessions.insert(digest.clone(), stored, session.lifetime());
        let mut of_user = state.of(user);
        of_user.retain(|session| state.sessions.get(session).is_some() && *session != digest);
        of_user.push(digest);
        let surplus = of_user.len().saturating_sub(limit as usize);
        for oldest in of_user.drain(..surplus) {
            state.sessions.remove(&oldest);
        }
        let lifetime = session.lifetime().max(state.of_user.time_left(&user));
        state.of_user.insert(user, of_user, lifetime);
        state.remember(&(&session.user).into(), false);
        Ok(Admission::Granted)
    }

    async fn find_all(&self, credentials: &[Credential]) -> Result<Vec<Lookup>, Error> {
        Ok(credentials.iter().map(|credential| self.look_up(credential)).collect())
    }

    async fn add_token(
        &self,
        session: SessionId,
        token: TokenId,
        lifetime: Duration,
        limit: u32,
    ) -> Result<bool, Error> {
        let (mut state, session, token) = (self.state(), session.digest(), token.digest());
        let lifetime = lifetime.min(state.sessions.time_left(&session));
        if lifetime.is_zero() {
            return Ok(false);
        }
        let mut of_session = state.of_session.get(&session).cloned().unwrap_or_default();
        of_session.retain(|known| *known != token);
        of_session.push(token.clone());
        let surplus = of_session.len().saturating_sub(limit as usize);
        for oldest in of_session.drain(..surplus) {
            state.tokens.remove(&oldest);
        }
        let left = lifetime.max(state.of_session.time_left(&session));
        state.of_session.insert(session.clone(), of_session, left);
        state.tokens.insert(token, session, lifetime);
        Ok(true)
    }

    async fn close(&self, id: SessionId) -> Result<Option<UserId>, Error> {
        let (mut state, digest) = (self.state(), id.digest());
        let owner = state.sessions.get(&digest).map(|stored| stored.times.user);
        state.sessions.remove(&digest);
        Ok(owner)
    }

    async fn close_all(&self, user: UserId) -> Result<(), Error> {
        self.state().end_all(user);
        Ok(())
    }

    async fn close_others(&self, kept: &Session) -> Result<Admission, Error> {
        let (mut state, digest, user) = (self.state(), kept.id.digest(), kept.user.id);
        if state.is_retired(&kept.user) {
            return Ok(Admission::Retired);
        }
        if state.sessions.get(&digest).is_none() {
            return Ok(Admission::Ended);
        }
        state.retired.insert((user, kept.user.updated_at), (), RETIRED_FOR);
        for other in state.of(user) {
            if other != digest {
                state.sessions.remove(&other);
            }
        }
        state.begin_change(user);
        Ok(Admission::Granted)
    }

    async fn update(&self, session: &Session) -> Result<(), Error> {
        let mut state = self.state();
        if let Some(stored) = state.sessions.get(&session.id.digest()) {
            stored.times = session.into();
        }
        state.remember(&(&session.user).into(), true);
        Ok(())
    }

    async fn list(&self, user: UserId) -> Result<Vec<SessionSummary>, Error> {
        let mut state = self.state();
        let digests = state.of(user);
        let mut sessions: Vec<_> = digests
            .iter()
            .filter_map(|digest| {
                let stored = state.sessions.get(digest).filter(|stored| !self.is_idle(stored))?;
                let SessionTimes { created_at, expires_at, .. } = stored.times;
                Some(SessionSummary { id: digest.short(), created_at, used_at: stored.used_at, expires_at })
            })
            .collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created_at));
        Ok(sessions)
    }

    async fn end(&self, user: UserId, session: &ShortId) -> Result<bool, Error> {
        let mut state = self.state();
        let of_user = state.of(user);
        let Some(digest) = of_user.iter().find(|one| one.short() == *session) else { return Ok(false) };
        let lives = state.sessions.get(digest).is_some();
        state.sessions.remove(digest);
        Ok(lives)
    }

    async fn begin_change(&self, user: UserId) -> Result<(), Error> {
        let mut state = self.state();
        state.begin_change(user);
        Ok(())
    }

    async fn refresh(&self, owner: &Owner) -> Result<(), Error> {
        self.state().remember(owner, true);
        Ok(())
    }

    async fn restore(&self, owner: &Owner) -> Result<(), Error> {
        self.state().remember(owner, false);
        Ok(())
    }
}
