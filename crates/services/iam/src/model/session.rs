//! A session: the proof that somebody has logged in.

use std::{fmt, net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Invalid, User, user::check_login};

/// 128 random bits written as a uuid. Who knows it, is the user: its debug output does not show it.
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

/// As it is handed out and stored.
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

/// A session with its user as he was when it was written, so that whose it is takes no second look-up. Whoever changes a
/// user ends his sessions or writes them anew.
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

    /// From its login to its end.
    pub fn lifetime(&self) -> Duration {
        (self.expires_at - self.created_at).to_std().unwrap_or_default()
    }

    /// The same session once its user has changed.
    #[must_use]
    pub fn rewritten(self, user: User, now: DateTime<Utc>) -> Self {
        Self { user, updated_at: now, ..self }
    }
}

/// Somebody's attempt to prove with a password that a login is his.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub login: String,
    /// Where it comes from: an IPv4 address, or the network of an IPv6 one.
    pub address: IpAddr,
}

impl Attempt {
    pub fn new(login: String, address: IpAddr) -> Result<Self, Invalid> {
        check_login(&login)?;
        Ok(Self { login, address })
    }
}
