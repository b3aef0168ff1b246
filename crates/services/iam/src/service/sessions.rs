//! The use cases of open sessions and their access tokens: look up, list and end sessions, issue a token for a session,
//! and verify a token that a caller presents.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use futures::future::join_all;
use platform::{
    auth::{self, Caller},
    error_chain,
    security_events::{self, Event, Revocation, TokenRefusal},
};
use tokio::time::timeout;
use uuid::Uuid;

use super::{IamService, RESERVED_FROM};
use crate::{
    error::Error,
    model::{
        Credential, OpenSession, Owner, SessionId, SessionSummary, SessionTimes, SessionUser, ShortId, TokenId, User,
    },
    repository::Lookup,
    tokens::{MAX_PER_SESSION, NewToken},
};

/// The methods by which an operator reads or ends the sessions of another user, as security events name them.
const LIST_SESSIONS: &str = "/auth.v1.SessionService/ListSessions";
const END_SESSION: &str = "/auth.v1.SessionService/EndSession";

/// The timeout for reading a login that this replica has not cached. It is far less than the half second after which
/// the gateway gives up: a request may continue without the login, on which no service bases a decision.
const PROFILE_TIMEOUT: Duration = Duration::from_millis(200);

impl IamService {
    pub async fn whoami(&self, credential: Credential) -> Result<(SessionTimes, User), Error> {
        let (times, user) = match self.find_all(&[credential]).await?.pop().unwrap_or(Lookup::Ended) {
            Lookup::Found(OpenSession { times, owner }) => (times, self.profiles.of(&owner).await?),
            Lookup::WithoutOwner(times) => {
                let user = self.profiles.read(times.user).await?;
                self.restore(user.as_ref().map(Owner::from).as_slice()).await;
                (times, user)
            }
            Lookup::Ended => return Err(Error::InvalidSession),
        };
        match user.filter(|user| !user.is_disabled) {
            Some(user) => Ok((times, user)),
            None => self.without_user(times).await,
        }
    }

    /// Returns the user of a session, with the data that checks of access need.
    pub async fn owner(&self, credential: Credential) -> Result<auth::User, Error> {
        self.owners(&[credential]).await?.pop().unwrap_or(Err(Error::InvalidSession))
    }

    /// Returns the users of several sessions, in the order of `credentials`.
    pub async fn owners(&self, credentials: &[Credential]) -> Result<Vec<Result<auth::User, Error>>, Error> {
        let found = self.look_up(credentials).await?;
        let caller = |owner: Owner| auth::User { uuid: owner.id.uuid(), is_operator: owner.is_operator };
        Ok(found.into_iter().map(|owner| owner.map(caller)).collect())
    }

    /// Returns the user of a session. The login is missing if the database does not return it within `PROFILE_TIMEOUT`.
    pub async fn session_user(&self, credential: Credential) -> Result<SessionUser, Error> {
        let owner = self.look_up(&[credential]).await?.pop().unwrap_or(Err(Error::InvalidSession))?;
        let user = timeout(PROFILE_TIMEOUT, self.profiles.of(&owner)).await;
        let user = user.ok().and_then(Result::ok).unwrap_or_else(|| {
            tracing::warn!(user_uuid = %owner.id, "login of a session's user unavailable, the request goes on without it");
            None
        });
        Ok(SessionUser { id: owner.id, login: user.map(|user| user.info.login) })
    }

    /// Returns the users of several sessions, in the order of `credentials`. Fails if the session store is unavailable;
    /// a session whose owner cannot be read fails alone. The session store has almost all owners; one query reads the
    /// others from the database.
    async fn look_up(&self, credentials: &[Credential]) -> Result<Vec<Result<Owner, Error>>, Error> {
        let lookups = self.find_all(credentials).await?;
        let read = self.read_owners(&lookups).await;
        let owners = lookups.into_iter().map(async |lookup| match lookup {
            Lookup::Found(OpenSession { owner, .. }) => Ok(owner),
            Lookup::WithoutOwner(times) => match read.as_ref().ok_or(Error::OwnerUnavailable)?.get(&times.user) {
                Some(owner) => Ok(owner.clone()),
                None => self.without_user(times).await,
            },
            Lookup::Ended => Err(Error::InvalidSession),
        });
        Ok(join_all(owners).await)
    }

    /// Looks up sessions in the session store. The owner of an operator's session is read from the database each time:
    /// `shipyard operator remove` changes the role there alone, and the next request must not have it.
    async fn find_all(&self, credentials: &[Credential]) -> Result<Vec<Lookup>, Error> {
        let lookups = self.sessions.find_all(credentials).await?.into_iter().map(|lookup| match lookup {
            Lookup::Found(OpenSession { times, owner }) if owner.is_operator => Lookup::WithoutOwner(times),
            lookup => lookup,
        });
        Ok(lookups.collect())
    }

    /// Reads the owners that the session store does not have, or that are being changed. Returns `None` if the database
    /// is not available.
    async fn read_owners(&self, lookups: &[Lookup]) -> Option<HashMap<UserId, Owner>> {
        let missing: HashSet<_> = lookups
            .iter()
            .filter_map(|lookup| match lookup {
                Lookup::WithoutOwner(times) => Some(times.user),
                Lookup::Found(_) | Lookup::Ended => None,
            })
            .collect();
        if missing.is_empty() {
            return Some(HashMap::new());
        }
        match self.users.owners(&missing.into_iter().collect::<Vec<_>>()).await {
            Ok(owners) => {
                self.restore(&owners).await;
                Some(owners.into_iter().map(|owner| (owner.id, owner)).collect())
            }
            Err(error) => {
                tracing::warn!(error = error_chain(error), "users of sessions not read");
                None
            }
        }
    }

    /// Stores owners in the session store, except operators, who are read from the database each time.
    async fn restore(&self, owners: &[Owner]) {
        let owners = owners.iter().filter(|owner| !owner.is_operator);
        let stored = join_all(owners.map(|owner| self.sessions.restore(owner))).await;
        if let Some(error) = stored.into_iter().find_map(Result::err) {
            tracing::warn!(
                error = error_chain(error),
                "user not stored beside the sessions, the next request reads it again"
            );
        }
    }

    /// Ends the sessions of a user that no longer exists or is disabled.
    async fn without_user<T>(&self, times: SessionTimes) -> Result<T, Error> {
        self.sessions.close_all(times.user).await?;
        Err(Error::InvalidSession)
    }

    /// Ends the session, if it has not ended already. After this returns, no service accepts the session.
    pub async fn logout(&self, id: SessionId) -> Result<(), Error> {
        if let Some(user) = self.sessions.close(id).await? {
            revoked(user, Revocation::Logout);
        }
        Ok(())
    }

    /// Ends all sessions of this session's user. Fails if the store has forgotten which sessions the user has.
    pub async fn logout_all(&self, id: SessionId) -> Result<(), Error> {
        let user = UserId::new(self.owner(id.into()).await?.uuid);
        self.sessions.close_all(user).await?;
        let was_forgotten = self.sessions.close(id).await?.is_some();
        revoked(user, Revocation::LogoutAll);
        if was_forgotten { Err(Error::SessionsForgotten) } else { Ok(()) }
    }

    /// Returns the sessions of the caller or, for an operator, those of the user `of`.
    pub async fn list_sessions(&self, caller: auth::User, of: Option<UserId>) -> Result<Vec<SessionSummary>, Error> {
        self.sessions.list(subject(caller, of, Caller::may_inspect, LIST_SESSIONS)?).await
    }

    /// Ends one session of the caller or, for an operator, of the user `of`.
    pub async fn end_session(&self, caller: auth::User, of: Option<UserId>, session: &ShortId) -> Result<(), Error> {
        let user = subject(caller, of, Caller::may_change, END_SESSION)?;
        if !self.sessions.end(user, session).await? {
            return Err(Error::SessionNotFound);
        }
        revoked(user, if user.uuid() == caller.uuid { Revocation::Ended } else { Revocation::EndedByOperator });
        Ok(())
    }

    /// Ends all sessions of a user on behalf of an operator.
    pub async fn end_user_sessions(&self, operator: auth::User, user: UserId) -> Result<(), Error> {
        if !operator.is_operator {
            return Err(Error::UserNotFound);
        }
        self.sessions.close_all(user).await?;
        revoked(user, Revocation::EndedByOperator);
        Ok(())
    }
}

fn revoked(user: UserId, reason: Revocation) {
    security_events::record(Event::SessionRevoked { user: user.uuid(), reason });
}

/// Returns the user whose sessions a call reads or ends. Only an operator may name another user, which is recorded;
/// other callers get [`Error::UserNotFound`].
fn subject(
    caller: auth::User,
    of: Option<UserId>,
    may: fn(&Caller, Option<Uuid>, Uuid, &str) -> bool,
    path: &str,
) -> Result<UserId, Error> {
    let user = of.unwrap_or(UserId::new(caller.uuid));
    let may = may(&Caller::User(caller), Some(user.uuid()), user.uuid(), path);
    if may { Ok(user) } else { Err(Error::UserNotFound) }
}

pub struct IssuedToken {
    pub token: String,
    pub expires_at: DateTime<Utc>,
}

impl IamService {
    /// Issues the token `id` for an open session. If the session store is almost full, the session's other tokens end.
    pub async fn issue_token(&self, session: SessionId, id: TokenId, now: DateTime<Utc>) -> Result<IssuedToken, Error> {
        let (times, user) = self.whoami(session.into()).await?;
        let expires_at = (now + self.tokens.ttl()).min(times.expires_at);
        let token = NewToken {
            id,
            user: user.id,
            login: &user.info.login,
            is_operator: user.is_operator,
            issued_at: now,
            expires_at,
        };
        let token = self.tokens.sign(&token).map_err(|_| Error::TokenNotSigned)?;
        let lifetime = (expires_at - now).to_std().unwrap_or_default();
        let limit = if self.memory.used() > RESERVED_FROM { 1 } else { MAX_PER_SESSION };
        if !self.sessions.add_token(session, id, lifetime, limit).await? {
            return Err(Error::InvalidSession);
        }
        Ok(IssuedToken { token, expires_at })
    }

    /// Returns the id by which the session store finds the session, for a credential that a guard has read. Fails if
    /// the credential is malformed or not valid.
    pub fn credential(&self, read: &auth::Credential, now: DateTime<Utc>) -> Result<Credential, Error> {
        match read {
            auth::Credential::Session(session) => {
                Uuid::try_parse(session).map(|id| SessionId::from(id).into()).map_err(|_| Error::InvalidSession)
            }
            auth::Credential::Token(token) => self.token(token, now),
        }
    }

    /// Returns the id by which the session store finds the session of a token. Fails if the token is invalid, even if
    /// its session is open. A forged token is recorded as a security event.
    pub fn token(&self, token: &str, now: DateTime<Utc>) -> Result<Credential, Error> {
        self.tokens.verify(token, now).map(Credential::Token).map_err(|reason| {
            if reason != TokenRefusal::Lifetime {
                security_events::record(Event::TokenRefused { reason });
            }
            Error::InvalidSession
        })
    }
}
