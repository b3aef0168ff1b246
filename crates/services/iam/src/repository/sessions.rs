//! The contract of the sessions' repository.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{Session, SessionId, SessionSummary, SessionTimes, ShortId, User},
};

/// How long credentials that are being changed open no session: longer than any login takes. After that, the database alone decides
/// whether they are still valid. As long, data that are being changed are not shown.
pub(super) const RETIRED: Duration = Duration::from_mins(1);

/// The decision on credentials that were right when they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    Granted,
    /// They have been changed meanwhile, or the session has ended.
    Refused,
}

/// What a session's id leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    Found(Session),
    /// It lives, but its user's data are not here, or are being changed: the database has them.
    WithoutUser(SessionTimes),
    Ended,
}

#[async_trait]
pub trait Sessions: Send + Sync {
    /// Opens a session for its lifetime, unless its user's credentials are retired. Beyond the bound, the user's oldest session ends.
    async fn open(&self, session: &Session) -> Result<Admission, Error>;
    /// Finds a session that has not ended, and counts this as a use of the session.
    async fn find(&self, id: SessionId) -> Result<Lookup, Error>;
    /// Ends a session if it has not ended. Returns its user.
    async fn close(&self, id: SessionId) -> Result<Option<UserId>, Error>;
    /// Ends all sessions of a user.
    async fn close_all(&self, user: UserId) -> Result<(), Error>;
    /// Ends all sessions of the user but this one, unless it has ended itself. From then on, the user's present credentials are retired:
    /// they open no session, and the user's data are being changed.
    async fn close_others(&self, kept: &Session) -> Result<Admission, Error>;
    /// Replaces a session that has not ended, and its user's data; its expiry stays.
    async fn update(&self, session: &Session) -> Result<(), Error>;
    /// Returns the user's sessions, the newest first.
    async fn list(&self, user: UserId) -> Result<Vec<SessionSummary>, Error>;
    /// Ends one of the user's sessions. False if there is none with this id.
    async fn end(&self, user: UserId, session: &ShortId) -> Result<bool, Error>;
    /// To be called before the user's data change in the database: until [`refresh`](Self::refresh), sessions show no copy of them.
    async fn begin_change(&self, user: UserId) -> Result<(), Error>;
    /// Replaces the data that the user's sessions show, after a change.
    async fn refresh(&self, user: &User) -> Result<(), Error>;
    /// Puts back data that were read from the database, unless newer ones are here or they are being changed.
    async fn restore(&self, user: &User) -> Result<(), Error>;
}
