//! The owner of a session, as far as checks of access need it.

use std::fmt;

use contracts::ids::UserId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{SessionTimes, User};

/// The user of a session, without personal data. The session store keeps this, and the database has the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub id: UserId,
    /// The digest that shows whether the user has the role `operator`.
    pub login: LoginDigest,
    /// The time of the user's last change, in microseconds since 1970.
    pub version: i64,
}

impl From<&User> for Owner {
    fn from(user: &User) -> Self {
        Self { id: user.id, login: LoginDigest::new(&user.info.login), version: user.version() }
    }
}

/// The first 128 bits of the SHA-256 of a login, in hexadecimal digits. They are enough to recognise an operator's login: finding another
/// login with the same digest takes some 2^128 attempts.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoginDigest(String);

impl LoginDigest {
    pub fn new(login: &str) -> Self {
        Self(half_of_sha_256(&[login.as_bytes()]))
    }
}

/// The debug output does not show the digest, since a login can be guessed from it.
impl fmt::Debug for LoginDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LoginDigest(…)")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_half_of_the_sha_256() {
        // printf ann | sha256sum
        let digest = LoginDigest::new("ann");

        assert_eq!(digest.0, "49915e0d7d4b402e3017d010bc1c0e83");
        assert_eq!(format!("{digest:?}"), "LoginDigest(…)");
    }
}
