//! A session: the proof that a user has logged in, and the credentials that a user presents instead of a password: a
//! session's id, or an access token of the session.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::invalid::InvalidField;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{User, half_of_sha_256};

/// The length of a session's short id, in hexadecimal digits.
const SHORT_ID_LENGTH: usize = 16;

/// The id of a session: 128 random bits, written as a UUID. It is a bearer secret, so `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    pub const fn from_bits(bits: u128) -> Self {
        Self(Uuid::from_u128(bits))
    }

    /// Returns the digest, which is all that stores keep. A plain hash is enough, because an attacker cannot try all
    /// 128-bit numbers.
    pub fn digest(self) -> SessionDigest {
        SessionDigest(hex::encode(Sha256::digest(self.0.as_bytes())))
    }
}

impl From<Uuid> for SessionId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// Writes the id in the form in which `Login` returns it.
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

/// The SHA-256 of a session's id, in hexadecimal digits. It does not authenticate a caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionDigest(String);

impl SessionDigest {
    pub const fn stored(digest: String) -> Self {
        Self(digest)
    }

    /// Returns the id by which users and operators distinguish a user's sessions: the first 64 bits of the digest.
    pub fn short(&self) -> ShortId {
        ShortId(self.0.chars().take(SHORT_ID_LENGTH).collect())
    }
}

impl fmt::Display for SessionDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The first 16 hexadecimal digits of a session's digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortId(String);

impl ShortId {
    pub fn parse(field: &str, text: String) -> Result<Self, InvalidField> {
        let is_digit = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
        if text.len() == SHORT_ID_LENGTH && text.bytes().all(is_digit) {
            Ok(Self(text))
        } else {
            Err(InvalidField::invalid(field, "must be 16 hexadecimal digits in lower case"))
        }
    }
}

impl fmt::Display for ShortId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The id of an access token: 128 random bits. The token's bearer can read it, but cannot make a token from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenId(Uuid);

impl TokenId {
    pub const fn from_bits(bits: u128) -> Self {
        Self(Uuid::from_u128(bits))
    }

    pub const fn uuid(self) -> Uuid {
        self.0
    }

    pub fn digest(self) -> TokenDigest {
        TokenDigest(half_of_sha_256(&[self.0.as_bytes()]))
    }
}

impl From<Uuid> for TokenId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// The first 128 bits of the SHA-256 of a token's id, in hexadecimal digits. Stores keep only this.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenDigest(String);

impl fmt::Display for TokenDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The id by which the session store finds a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    Session(SessionId),
    /// A token of the session, whose signature was verified.
    Token(TokenId),
}

impl From<SessionId> for Credential {
    fn from(id: SessionId) -> Self {
        Self::Session(id)
    }
}

impl From<TokenId> for Credential {
    fn from(id: TokenId) -> Self {
        Self::Token(id)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
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

    pub fn lifetime(&self) -> Duration {
        (self.expires_at - self.created_at).to_std().unwrap_or_default()
    }

    #[must_use]
    pub fn updated(self, user: User, now: DateTime<Utc>) -> Self {
        Self { user, updated_at: now, ..self }
    }
}

/// A session without its user's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimes {
    pub user: UserId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl SessionTimes {
    pub fn of(self, id: SessionId, user: User) -> Session {
        Session { id, user, created_at: self.created_at, updated_at: self.updated_at, expires_at: self.expires_at }
    }
}

impl From<&Session> for OpenSession {
    fn from(session: &Session) -> Self {
        Self { times: session.into(), owner: (&session.user).into() }
    }
}

impl From<&Session> for SessionTimes {
    fn from(session: &Session) -> Self {
        Self {
            user: session.user.id,
            created_at: session.created_at,
            updated_at: session.updated_at,
            expires_at: session.expires_at,
        }
    }
}

/// A session's entry in a list of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    pub id: ShortId,
    pub created_at: DateTime<Utc>,
    /// The time of the last use, with a precision of one minute, or of a tenth of the idle timeout if that is less.
    pub used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The user of a session, without personal data. The session store keeps this, and the database has the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub id: UserId,
    /// True if the user had the role `operator` at this version. Only the database says whether the user still has it.
    pub is_operator: bool,
    /// The time of the user's last change, in microseconds since 1970.
    pub version: i64,
}

impl From<&User> for Owner {
    fn from(user: &User) -> Self {
        Self { id: user.id, is_operator: user.is_operator, version: user.version() }
    }
}

/// The user of a session, as the gateway passes it on.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionUser {
    pub id: UserId,
    /// `None` if the login cannot be read now.
    pub login: Option<String>,
}

/// A session that has not ended, and its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    pub times: SessionTimes,
    pub owner: Owner,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_sha_256_of_the_16_bytes() {
        // printf '00000000000000000000000000000001' | xxd -r -p | sha256sum
        let digest = SessionId::from_bits(1).digest();

        assert_eq!(digest.to_string(), "7c3ccd10bb7ec37b46d37926ae6274267f007a34aeaf15c882a715a7f3300529");
        assert_eq!(digest.short().to_string(), "7c3ccd10bb7ec37b");
    }
}
