//! Registering, logging in, and saying whose a session is.

mod addresses;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use platform::auth::Caller;
use uuid::Uuid;

use self::addresses::LimitedAddresses;
use crate::{
    error::Error,
    hashing::{Hashing, SaltBytes},
    model::{Attempt, Password, Session, SessionId, User},
    repository::Users,
    repository::{Admission, Sessions},
};

#[derive(Clone)]
pub struct IamService {
    users: Arc<dyn Users>,
    sessions: Arc<dyn Sessions>,
    hashing: Hashing,
    session_ttl: Duration,
    limited: LimitedAddresses,
}

impl IamService {
    pub fn new(users: Arc<dyn Users>, sessions: Arc<dyn Sessions>, hashing: Hashing, session_ttl: Duration) -> Self {
        Self { users, sessions, hashing, session_ttl, limited: LimitedAddresses::default() }
    }

    pub async fn register(&self, user: &User, password: Password, salt: SaltBytes) -> Result<(), Error> {
        let hash = self.hashing.hash(password, salt).await?;
        self.users.register(user, &hash).await?;
        tracing::info!(user_uuid = %user.uuid, "a user has registered");
        Ok(())
    }

    /// Opens the session `id` for the login's user. Unknown, wrong and locked out take the same time and answer the same.
    pub async fn login(
        &self,
        attempt: &Attempt,
        password: Password,
        id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.limited.check(attempt.address)?;
        let account = self.users.by_login(&attempt.login).await?;
        let (user, hash) = account.map(|account| (account.user, account.password_hash)).unzip();
        let right = self.hashing.verify(password, hash).await?;
        let Some(user) = user.filter(|_| right) else { return Err(self.failed(attempt).await) };
        let session = Session::new(id, user, now, self.session_ttl);
        let admission = self.sessions.open(&session, attempt).await?;
        self.admitted(attempt, admission)?;
        count("opened");
        Ok(())
    }

    pub async fn whoami(&self, id: SessionId) -> Result<Session, Error> {
        self.sessions.find(id).await?.ok_or(Error::InvalidSession)
    }

    /// Ends the session, if it lives. Once that is acknowledged it works nowhere.
    pub async fn logout(&self, id: SessionId) -> Result<(), Error> {
        self.sessions.close(id).await
    }

    /// Ends all sessions of the user whose living session this is.
    pub async fn logout_all(&self, id: SessionId) -> Result<(), Error> {
        let session = self.whoami(id).await?;
        self.sessions.close_all(session.user.uuid).await
    }

    /// The caller himself; a service sees all.
    pub async fn find(&self, caller: &Caller, user: Uuid) -> Result<User, Error> {
        if !caller.may_see(user) {
            return Err(Error::UserNotFound);
        }
        self.users.find(user).await?.ok_or(Error::UserNotFound)
    }

    /// Gives the session's user another password and ends his other sessions.
    ///
    /// They end first: who changes a password that somebody else knows must not be left with that somebody's session
    /// because the second step failed.
    pub async fn change_password(
        &self,
        session: Session,
        attempt: &Attempt,
        passwords: (Password, Password),
        salt: SaltBytes,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let (old, new) = passwords;
        self.limited.check(attempt.address)?;
        let account = self.users.by_login(&attempt.login).await?.ok_or(Error::InvalidSession)?;
        if !self.hashing.verify(old, Some(account.password_hash)).await? {
            return Err(self.failed(attempt).await);
        }
        let hash = self.hashing.hash(new, salt).await?;
        let known = account.user;
        let session = session.rewritten(known.clone(), now);
        let admission = self.sessions.close_others(&session, attempt).await?;
        self.admitted(attempt, admission)?;
        if !self.users.change_password(&known, &hash, now).await? {
            return Err(Error::WrongCredentials);
        }
        tracing::info!(user_uuid = %known.uuid, "a user has changed his password");
        let user = User { updated_at: now, ..known };
        if let Err(error) = self.sessions.rewrite(&session.rewritten(user, now)).await {
            let error = format!("{:#}", anyhow::Error::from(error));
            tracing::warn!(error, "a session still shows when its user was last changed before");
        }
        Ok(())
    }

    fn admitted(&self, attempt: &Attempt, admission: Admission) -> Result<(), Error> {
        match admission {
            Admission::Granted => Ok(()),
            Admission::Refused => {
                count("refused");
                Err(Error::WrongCredentials)
            }
            Admission::Limited(left) => {
                self.limited.add(attempt.address, left);
                Err(Error::TooManyAttempts)
            }
        }
    }

    /// Counts a wrong password, and says what to answer.
    async fn failed(&self, attempt: &Attempt) -> Error {
        count("failed");
        match self.sessions.failed(attempt).await {
            Ok(None) => Error::WrongCredentials,
            Ok(Some(left)) => {
                self.limited.add(attempt.address, left);
                Error::TooManyAttempts
            }
            Err(error) => error,
        }
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("iam_logins_total", "outcome" => outcome).increment(1);
}
