//! The use cases: registration, login, sessions, access tokens, password changes, Telegram contacts and the end of an
//! account.

mod contacts;
mod delete_account;
mod login;
mod operators;
mod profiles;
mod sessions;

use std::{net::IpAddr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::{
    auth::Caller,
    error_chain,
    redis::Memory,
    security_events::{self, Event, Revocation},
};

pub use self::{
    contacts::ContactService, delete_account::AccountService, operators::OperatorService, sessions::IssuedToken,
};
use self::{login::Throttle, profiles::Profiles};
use crate::{
    error::Error,
    hashing::{Hashing, SaltBytes, Verdict},
    model::{DeviceDigest, LoginAttempt, Password, Session, SessionId, User},
    repository::{Admission, LoginAttempts, PgUsers, Sessions},
    tokens::AccessTokens,
};

#[derive(Clone)]
pub struct IamService {
    users: PgUsers,
    sessions: Arc<dyn Sessions>,
    attempts: Arc<dyn LoginAttempts>,
    hashing: Hashing,
    rules: SessionRules,
    tokens: AccessTokens,
    profiles: Profiles,
    throttle: Throttle,
    memory: Memory,
}

#[derive(Clone, Copy, Debug)]
pub struct SessionRules {
    pub ttl: Duration,
    pub per_user: u32,
}

/// Above this share of the session store's memory, new accounts cannot log in and others keep few sessions, so that the
/// rest is left to older accounts.
const RESERVED_FROM: f64 = 0.8;
/// The maximum number of sessions that an account keeps when it logs in above [`RESERVED_FROM`].
const MAX_SESSIONS_WHEN_FULL: u32 = 4;

impl IamService {
    pub fn new(
        users: PgUsers,
        sessions: Arc<dyn Sessions>,
        attempts: Arc<dyn LoginAttempts>,
        hashing: Hashing,
        rules: SessionRules,
        tokens: AccessTokens,
    ) -> Self {
        let (profiles, throttle, memory) = (Profiles::new(users.clone()), Throttle::default(), Memory::default());
        Self { users, sessions, attempts, hashing, rules, tokens, profiles, throttle, memory }
    }

    /// Sets the memory of the session store, which otherwise counts as unlimited.
    #[must_use]
    pub fn with_memory(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    pub fn access_tokens(&self) -> &AccessTokens {
        &self.tokens
    }

    /// Adds a user. The password is hashed only if the login and the e-mail address are free.
    pub async fn register(
        &self,
        address: IpAddr,
        user: &User,
        password: Password,
        salt: SaltBytes,
    ) -> Result<(), Error> {
        if self.attempts.register(address).await?.is_some() {
            security_events::record(Event::Locked { address });
            return Err(Error::TooManyRegistrations);
        }
        self.users.check_free(&user.info).await?;
        let hash = self.hashing.hash(password, salt).await?;
        self.users.register(user, &hash).await?;
        security_events::record(Event::Registered { user: user.id.uuid() });
        Ok(())
    }

    /// Opens the session `id` for the login's user. If the stored hash of the password is outdated, renews it with
    /// `salt`.
    pub async fn login(
        &self,
        attempt: &LoginAttempt,
        password: Password,
        id: SessionId,
        salt: SaltBytes,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let known = self.authenticate(attempt, password.clone(), now).await?;
        let (user, is_full) = (known.account.user.id, self.memory.used() > RESERVED_FROM);
        if known.is_new(now) && (is_full || known.judged.is_crowded) {
            self.authenticated(&known, false, now).await;
            return Err(if is_full { Error::NoRoom } else { Error::TooManyLogins });
        }
        let session = Session::new(id, known.account.user.clone(), now, self.rules.ttl);
        let limit = if is_full { self.rules.per_user.min(MAX_SESSIONS_WHEN_FULL) } else { self.rules.per_user };
        // Sent together, these commands share one flush of Redis' log to disk, during which Redis runs no command.
        // The password was right, so the attempt is not counted as failed even if the session is refused because the
        // credentials are being changed.
        let (admission, ()) =
            tokio::join!(self.sessions.open(&session, limit), self.authenticated(&known, known.is_new(now), now));
        admitted(admission?)?;
        // The user may have been disabled since the account was read. Its sessions end after the row has changed, so
        // either that ends this session, or this reads the change.
        if self.users.owners(&[user]).await?.is_empty() {
            self.sessions.close_all(user).await?;
            return Err(Error::WrongCredentials);
        }
        self.profiles.keep(&session.user);
        if known.verdict == Verdict::Outdated {
            // The hash is renewed in the background, so that the caller does not wait for it.
            tokio::spawn(self.clone().renew_hash(known, password, salt, now));
        }
        security_events::record(Event::LoggedIn { user: user.uuid() });
        Ok(())
    }

    /// Returns a user. Only that user and services may read it.
    pub async fn find(&self, caller: &Caller, user: UserId) -> Result<User, Error> {
        if !caller.admits(user.uuid()) {
            return Err(Error::UserNotFound);
        }
        self.users.find(user).await?.ok_or(Error::UserNotFound)
    }

    /// Changes the password of the session's user and ends the user's other sessions.
    ///
    /// The sessions end before the password changes. So an intruder who knew the old password keeps no session, even if
    /// the change fails.
    pub async fn change_password(
        &self,
        session: Session,
        attempt: &LoginAttempt,
        passwords: (Password, Password),
        salt: SaltBytes,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let (old, new) = passwords;
        let authenticated = self.authenticate(attempt, old, now).await?;
        // The password was right, so the attempt is not counted as failed even if a later step fails.
        self.authenticated(&authenticated, false, now).await;
        let hash = self.hashing.hash(new, salt).await?;
        let known = authenticated.account.user;
        let session = session.updated(known.clone(), now);
        admitted(self.sessions.close_others(&session).await?)?;
        security_events::record(Event::SessionRevoked { user: known.id.uuid(), reason: Revocation::PasswordChanged });
        let Some(changed_at) = self.users.change_password(&known, &hash, now).await? else {
            return Err(Error::CredentialsChanging);
        };
        security_events::record(Event::PasswordChanged { user: known.id.uuid() });
        let user = User { updated_at: changed_at, ..known };
        self.profiles.keep(&user);
        // The new password has made all devices unknown, so this device is recorded again.
        let device = DeviceDigest::with(&hash, attempt.address);
        if let Err(error) = self.users.remember_device(user.id, &device, now).await {
            tracing::warn!(error = error_chain(error), "device not recorded after a change of password");
        }
        if let Err(error) = self.sessions.update(&session.updated(user, changed_at)).await {
            tracing::warn!(
                error = error_chain(error),
                "session not updated after a change of password, it shows the old time of change"
            );
        }
        Ok(())
    }
}

fn admitted(admission: Admission) -> Result<(), Error> {
    match admission {
        Admission::Granted => Ok(()),
        Admission::Retired => Err(Error::CredentialsChanging),
        Admission::Ended => Err(Error::InvalidSession),
    }
}
