//! The use cases of open sessions: look up, list and end sessions.

use contracts::ids::UserId;
use futures::future::join_all;
use platform::{
    auth,
    security_events::{self, Event, Revocation},
};

use super::IamService;
use crate::{
    error::Error,
    model::{Session, SessionId, SessionSummary, SessionTimes, ShortId},
    repository::Lookup,
};

impl IamService {
    pub async fn whoami(&self, id: SessionId) -> Result<Session, Error> {
        let lookup = self.sessions.find(id).await?;
        self.found(id, lookup).await
    }

    /// Does the same as [`whoami`](Self::whoami) for several sessions. Fails if the session store is not available; a session whose user
    /// cannot be read fails by itself. The results have the order of `ids`.
    pub async fn whoami_all(&self, ids: &[SessionId]) -> Result<Vec<Result<Session, Error>>, Error> {
        let lookups = self.sessions.find_all(ids).await?;
        Ok(join_all(ids.iter().zip(lookups).map(|(id, lookup)| self.found(*id, lookup))).await)
    }

    async fn found(&self, id: SessionId, lookup: Lookup) -> Result<Session, Error> {
        match lookup {
            Lookup::Found(session) => Ok(session),
            Lookup::WithoutUser(times) => self.with_user(id, times).await,
            Lookup::Ended => Err(Error::InvalidSession),
        }
    }

    /// Returns the session with its user's data from the database. This is needed if the session store has no copy of the data, or if the
    /// data are being changed.
    async fn with_user(&self, id: SessionId, times: SessionTimes) -> Result<Session, Error> {
        let Some(user) = self.users.find(times.user).await? else {
            self.sessions.close_all(times.user).await?;
            return Err(Error::InvalidSession);
        };
        if let Err(error) = self.sessions.restore(&user).await {
            let error = format!("{:#}", anyhow::Error::from(error));
            tracing::warn!(error, "user data not stored beside the sessions, the next request reads them again");
        }
        Ok(times.of(id, user))
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
        let session = self.whoami(id).await?;
        self.sessions.close_all(session.user.id).await?;
        let was_forgotten = self.sessions.close(id).await?.is_some();
        revoked(session.user.id, Revocation::LogoutAll);
        if was_forgotten { Err(Error::SessionsForgotten) } else { Ok(()) }
    }

    /// Returns the sessions of the caller or, for an operator, those of the user `of`.
    pub async fn list_sessions(&self, caller: auth::User, of: Option<UserId>) -> Result<Vec<SessionSummary>, Error> {
        self.sessions.list(subject(caller, of)?).await
    }

    /// Ends one session of the caller or, for an operator, of the user `of`.
    pub async fn end_session(&self, caller: auth::User, of: Option<UserId>, session: &ShortId) -> Result<(), Error> {
        let user = subject(caller, of)?;
        if !self.sessions.end(user, session).await? {
            return Err(Error::SessionNotFound);
        }
        revoked(user, Revocation::Ended);
        Ok(())
    }

    /// Ends all sessions of a user on behalf of an operator. It does not need the database.
    pub async fn end_user_sessions(&self, operator: auth::User, user: UserId) -> Result<(), Error> {
        if !operator.is_operator {
            return Err(Error::UserNotFound);
        }
        self.sessions.close_all(user).await?;
        revoked(user, Revocation::EndedByOperator);
        Ok(())
    }
}

fn revoked(user: UserId, by: Revocation) {
    security_events::record(Event::SessionRevoked { user: user.uuid(), by });
}

/// Returns the user whose sessions a call reads or ends. Only an operator may name another user; other callers get [`Error::UserNotFound`].
fn subject(caller: auth::User, of: Option<UserId>) -> Result<UserId, Error> {
    match of {
        Some(user) if user.uuid() != caller.uuid && !caller.is_operator => Err(Error::UserNotFound),
        Some(user) => Ok(user),
        None => Ok(UserId::new(caller.uuid)),
    }
}
