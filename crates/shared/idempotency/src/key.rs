//! Keys, and the hash that tells two requests under one key apart.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The longest scope and the longest key, in characters.
const MAX_LENGTH: usize = 255;

/// The SHA-256 of a request.
pub type Fingerprint = [u8; 32];

/// A key that a client chose for one request and sends with each retry of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// Who owns the key, such as the user's id: 0 to 255 characters. Take it from the authenticated session, never from
    /// the request, or one user reads the responses of another.
    pub scope: &'a str,
    /// 1 to 255 characters.
    pub key: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("an idempotency key has 1 to 255 characters, this one has {characters}")]
    KeyLength { characters: usize },
    #[error("the scope of an idempotency key has at most 255 characters, this one has {characters}")]
    ScopeLength { characters: usize },
    /// PostgreSQL stores no text with this character.
    #[error("an idempotency key contains the character NUL")]
    Nul,
}

impl Key<'_> {
    /// Checks the lengths. [`once`](crate::once()) does so, too; a statement of your own has to call it.
    pub fn check(&self) -> Result<(), InvalidKey> {
        let (key, scope) = (self.key.chars().count(), self.scope.chars().count());
        if key == 0 || key > MAX_LENGTH {
            return Err(InvalidKey::KeyLength { characters: key });
        }
        if scope > MAX_LENGTH {
            return Err(InvalidKey::ScopeLength { characters: scope });
        }
        if self.key.contains('\0') || self.scope.contains('\0') {
            return Err(InvalidKey::Nul);
        }
        Ok(())
    }
}

/// Returns the SHA-256 of the request's JSON.
///
/// The JSON has to be the same for each retry: no `HashMap` or `HashSet`, whose order differs, and no time of receipt.
/// If one scope's keys serve several operations, the request has to name the operation.
pub fn fingerprint<R: Serialize + ?Sized>(request: &R) -> serde_json::Result<Fingerprint> {
    Ok(Sha256::digest(serde_json::to_vec(request)?).into())
}
