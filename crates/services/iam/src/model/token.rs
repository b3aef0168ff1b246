//! The id of an access token, and the credentials that a user presents instead of a password: a session or a token.

use std::fmt;

use uuid::Uuid;

use super::{SessionId, half_of_sha_256};

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
