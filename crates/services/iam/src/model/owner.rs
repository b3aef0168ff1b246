//! The owner of a session, as far as checks of access need it.

use contracts::ids::UserId;
use sha2::{Digest as _, Sha256};

use super::{SessionTimes, User};

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

/// Returns the first 16 bytes of the SHA-256 of these texts, in hexadecimal digits.
pub fn half_of_sha_256(texts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text);
    }
    let digits = hash.finalize().into_iter().take(16).flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
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
