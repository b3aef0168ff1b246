//! The repository trait of sessions.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{Credential, OpenSession, Owner, Session, SessionId, SessionSummary, SessionTimes, ShortId, TokenId},
};

/// The session store marks credentials, or a user, as being changed for this long. Meanwhile the old credentials open
/// no session, and lookups return no stored owner. This is longer than any login takes: after it, no login that read
/// the old credentials is in progress, and the database alone decides which credentials are valid.
pub(super) const RETIRED_FOR: Duration = Duration::from_mins(1);

/// The decision on credentials that were valid when they were read from the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    Granted,
    /// The credentials are being changed, or have been changed since they were read. If the change has failed, they are
    /// valid again a minute after it began.
    Retired,
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    Found(OpenSession),
    /// The session has not ended, but its owner is not in the session store or is being changed. The caller must read
    /// the user from the database.
    WithoutOwner(SessionTimes),
    Ended,
}

#[async_trait]
pub trait Sessions: Send + Sync {
    /// Opens a session for its lifetime, unless its user's credentials are retired. If the user then has more than
    /// `limit` sessions, the oldest ones end.
    async fn open(&self, session: &Session, limit: u32) -> Result<Admission, Error>;
    /// Looks up sessions by their ids or tokens, and records this as a use of each of them. The results have the order
    /// of `credentials`. A record that cannot be read counts as ended and affects no other. A token whose session has
    /// ended counts as ended.
    async fn find_all(&self, credentials: &[Credential]) -> Result<Vec<Lookup>, Error>;
    async fn find(&self, id: SessionId) -> Result<Lookup, Error> {
        Ok(self.find_all(&[id.into()]).await?.pop().unwrap_or(Lookup::Ended))
    }
    /// Adds a token to a session, for `lifetime` or the rest of the session. If the session then has more than `limit`
    /// tokens, the oldest ones end. Returns false if the session has ended.
    async fn add_token(
        &self,
        session: SessionId,
        token: TokenId,
        lifetime: Duration,
        limit: u32,
    ) -> Result<bool, Error>;
    /// Ends a session. Returns its user, or `None` if the session had ended already.
    async fn close(&self, id: SessionId) -> Result<Option<UserId>, Error>;
    async fn close_all(&self, user: UserId) -> Result<(), Error>;
    /// Ends all sessions of the user except `kept`, and retires the user's present credentials: they cannot open a
    /// session, and the user counts as being changed. Changes nothing if the credentials are retired already or `kept`
    /// has ended. Fails without a change if `kept` is missing in the set of the user's sessions, because others may be
    /// missing too.
    async fn close_others(&self, kept: &Session) -> Result<Admission, Error>;
    /// Replaces a session that has not ended, and its owner, unless a newer one is stored. The expiry does not change.
    async fn update(&self, session: &Session) -> Result<(), Error>;
    /// Returns the user's open sessions, newest first.
    async fn list(&self, user: UserId) -> Result<Vec<SessionSummary>, Error>;
    /// Ends one of the user's sessions. Returns false if the user has no session with this id.
    async fn end(&self, user: UserId, session: &ShortId) -> Result<bool, Error>;
    /// Marks the user as being changed. The caller must call this before it changes the user in the database. Until
    /// [`refresh`](Self::refresh), lookups return no stored owner.
    async fn begin_change(&self, user: UserId) -> Result<(), Error>;
    /// Replaces the stored owner after a change of the user, unless a newer one is stored, because concurrent changes
    /// may arrive in any order.
    async fn refresh(&self, owner: &Owner) -> Result<(), Error>;
    /// Stores an owner that was read from the database, unless a newer one is stored or the user is being changed.
    async fn restore(&self, owner: &Owner) -> Result<(), Error>;
}
