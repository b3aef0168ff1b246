//! Use cases: registration, login, sessions, and changes of password.

mod addresses;
mod operators;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::auth::Caller;

use self::addresses::LimitedAddresses;
pub use self::operators::OperatorService;
use crate::{
    error::Error,
    hashing::{Hashing, SaltBytes},
    model::{LoginAttempt, Operators, Password, Session, SessionId, User},
    repository::{Admission, Sessions, Users},
};

#[derive(Clone)]
pub struct IamService {
    users: Arc<dyn Users>,
    sessions: Arc<dyn Sessions>,
    hashing: Hashing,
    session_ttl: Duration,
    operators: Operators,
    limited: LimitedAddresses,
}

impl IamService {
    pub fn new(
        users: Arc<dyn Users>,
        sessions: Arc<dyn Sessions>,
        hashing: Hashing,
        session_ttl: Duration,
        operators: Operators,
    ) -> Self {
        Self { users, sessions, hashing, session_ttl, operators, limited: LimitedAddresses::default() }
    }

    /// True for a user with the role `operator`. The role follows from the login, so a session that is open gains and loses it, too.
    pub fn is_operator(&self, user: &User) -> bool {
        self.operators.include(user)
    }

    /// Adds a user. An operator's login is refused as a taken one is, and takes as long.
    pub async fn register(&self, user: &User, password: Password, salt: SaltBytes) -> Result<(), Error> {
        let hash = self.hashing.hash(password, salt).await?;
        if self.is_operator(user) {
            return Err(Error::LoginTaken);
        }
        self.users.register(user, &hash).await?;
        tracing::info!(user_uuid = %user.id, "user registered");
        Ok(())
    }

    /// Opens the session `id` for the login's user. An unknown login, a wrong password and a locked-out login take the same time and
    /// fail with the same error.
    pub async fn login(
        &self,
        attempt: &LoginAttempt,
        password: Password,
        id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.limited.check(attempt.address)?;
        let account = self.users.by_login(&attempt.login).await?;
        let (user, hash) = account.map(|account| (account.user, account.password_hash)).unzip();
        let is_right = self.hashing.verify(password, hash).await?;
        let Some(user) = user.filter(|_| is_right) else { return Err(self.failed(attempt).await) };
        let session = Session::new(id, user, now, self.session_ttl);
        let admission = self.sessions.open(&session, attempt).await?;
        self.admitted(attempt, admission)?;
        count("opened");
        Ok(())
    }

    pub async fn whoami(&self, id: SessionId) -> Result<Session, Error> {
        self.sessions.find(id).await?.ok_or(Error::InvalidSession)
    }

    /// Ends the session, if it has not ended. Once this returns, no service accepts it.
    pub async fn logout(&self, id: SessionId) -> Result<(), Error> {
        self.sessions.close(id).await
    }

    /// Ends all sessions of this session's user.
    pub async fn logout_all(&self, id: SessionId) -> Result<(), Error> {
        let session = self.whoami(id).await?;
        self.sessions.close_all(session.user.id).await
    }

    /// A user, visible to the user and to services.
    pub async fn find(&self, caller: &Caller, user: UserId) -> Result<User, Error> {
        if !caller.may_see(user.uuid()) {
            return Err(Error::UserNotFound);
        }
        self.users.find(user).await?.ok_or(Error::UserNotFound)
    }

    /// Changes the password of the session's user and ends the user's other sessions.
    ///
    /// The sessions end first: if the second step fails, an intruder who knew the old password must not keep a session.
    pub async fn change_password(
        &self,
        session: Session,
        attempt: &LoginAttempt,
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
        let session = session.updated(known.clone(), now);
        let admission = self.sessions.close_others(&session, attempt).await?;
        self.admitted(attempt, admission)?;
        if !self.users.change_password(&known, &hash, now).await? {
            return Err(Error::WrongCredentials);
        }
        tracing::info!(user_uuid = %known.id, "password changed");
        let user = User { updated_at: now, ..known };
        if let Err(error) = self.sessions.update(&session.updated(user, now)).await {
            let error = format!("{:#}", anyhow::Error::from(error));
            tracing::warn!(error, "session not updated after a change of password, it shows the old time of change");
        }
        Ok(())
    }

    fn admitted(&self, attempt: &LoginAttempt, admission: Admission) -> Result<(), Error> {
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

    /// Counts a wrong password. Returns the error for the caller.
    async fn failed(&self, attempt: &LoginAttempt) -> Error {
        count("failed");
        match self.sessions.record_failure(attempt).await {
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
