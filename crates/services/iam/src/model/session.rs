//! A session: the proof that a user has logged in.

use std::{fmt, net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Invalid, User, user::check_login};

/// 128 random bits, written as a UUID. It is a bearer secret, so its debug output does not show it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionId(Uuid);

impl SessionId {
    pub const fn of(bits: u128) -> Self {
        Self(Uuid::from_u128(bits))
    }
}

impl From<Uuid> for SessionId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// The form in which it is returned and stored.
impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionId(…)")
    }
}

/// A session, with a copy of its user so that `Whoami` needs one lookup. A change of the user must end or update the user's sessions.
///
/// Stored in Redis as JSON: the names of its fields are a contract with other versions and with the scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub user: User,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl Session {
    pub fn new(id: SessionId, user: User, now: DateTime<Utc>, ttl: Duration) -> Self {
        Self { id, user, created_at: now, updated_at: now, expires_at: now + ttl }
    }

    /// From login to expiry.
    pub fn lifetime(&self) -> Duration {
        (self.expires_at - self.created_at).to_std().unwrap_or_default()
    }

    /// The session with a changed user.
    #[must_use]
    pub fn updated(self, user: User, now: DateTime<Utc>) -> Self {
        Self { user, updated_at: now, ..self }
    }
}

/// An attempt to prove, with a password, to be the user of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginAttempt {
    pub login: String,
    /// The caller's IPv4 address, or the network of the IPv6 address.
    pub address: IpAddr,
}

impl LoginAttempt {
    pub fn new(login: String, address: IpAddr) -> Result<Self, Invalid> {
        check_login(&login)?;
        Ok(Self { login, address })
    }
}
