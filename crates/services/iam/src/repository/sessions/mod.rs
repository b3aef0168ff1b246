//! Where sessions are kept, and how often each login and address got a password wrong.

mod memory;
mod redis;

use std::time::Duration;

use async_trait::async_trait;
pub use memory::MemorySessions;
pub use redis::RedisSessions;
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Attempt, Session, SessionId},
};

/// How long nobody may open a session with credentials that are being changed: longer than any login takes. Afterwards
/// the database alone tells that they are not right any more, or that they have not been changed after all.
const RETIRED: Duration = Duration::from_mins(1);

/// What becomes of an attempt whose password was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    Granted,
    /// The login is locked out, or its password has been changed meanwhile.
    Refused,
    /// The address is refused for so long.
    Limited(Duration),
}

#[async_trait]
pub trait Sessions: Send + Sync {
    /// Opens a session for as long as its lifetime, unless the attempt must be refused. The login's failures are forgotten.
    async fn open(&self, session: &Session, attempt: &Attempt) -> Result<Admission, Error>;
    /// The session, while it lives.
    async fn find(&self, id: SessionId) -> Result<Option<Session>, Error>;
    /// Ends a session, if it lives.
    async fn close(&self, id: SessionId) -> Result<(), Error>;
    /// Ends all sessions of a user.
    async fn close_all(&self, user: Uuid) -> Result<(), Error>;
    /// Ends all sessions of the user but this one, unless the attempt must be refused. From now on no session is opened
    /// with the credentials that he has had so far.
    async fn close_others(&self, kept: &Session, attempt: &Attempt) -> Result<Admission, Error>;
    /// Writes a session anew, if it lives; its end stays.
    async fn rewrite(&self, session: &Session) -> Result<(), Error>;
    /// Counts an attempt whose password was wrong. Tells for how long its address is refused, if it is.
    async fn failed(&self, attempt: &Attempt) -> Result<Option<Duration>, Error>;
}
