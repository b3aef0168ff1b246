//! The credential of a user: a session, or an access token issued for one.

use std::fmt;

/// The credential by which a request identifies its user. It is a bearer secret, so its debug output hides it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    Session(String),
    /// A JWT whose header declares it an access token. Only the service that issued it can verify it.
    Token(String),
}

impl Credential {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Session(text) | Self::Token(text) => text,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credential(…)")
    }
}
