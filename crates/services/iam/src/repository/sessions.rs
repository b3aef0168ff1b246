//! The contract of the sessions' repository, which also counts the wrong passwords of each login and address.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{LoginAttempt, Session, SessionId},
};

/// How long credentials that are being changed open no session: longer than any login takes. After that, the database alone decides
/// whether they are still valid.
pub(super) const RETIRED: Duration = Duration::from_mins(1);

/// The decision on an attempt whose password was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    Granted,
    /// The login is locked out, or its password has been changed meanwhile.
    Refused,
    /// The address is refused for this long.
    Limited(Duration),
}

#[async_trait]
pub trait Sessions: Send + Sync {
    /// Opens a session for its lifetime, if the attempt is admitted. Resets the login's count of failures.
    async fn open(&self, session: &Session, attempt: &LoginAttempt) -> Result<Admission, Error>;
    /// The session, unless it has ended.
    async fn find(&self, id: SessionId) -> Result<Option<Session>, Error>;
    /// Ends a session, if it has not ended.
    async fn close(&self, id: SessionId) -> Result<(), Error>;
    /// Ends all sessions of a user.
    async fn close_all(&self, user: UserId) -> Result<(), Error>;
    /// Ends all sessions of the user but this one, if the attempt is admitted. From then on, the user's present credentials open no
    /// session.
    async fn close_others(&self, kept: &Session, attempt: &LoginAttempt) -> Result<Admission, Error>;
    /// Replaces a session that has not ended; its expiry stays.
    async fn update(&self, session: &Session) -> Result<(), Error>;
    /// Counts a wrong password. Returns for how long the address is refused, if it is.
    async fn record_failure(&self, attempt: &LoginAttempt) -> Result<Option<Duration>, Error>;
}
