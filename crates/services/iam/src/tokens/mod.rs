//! Access tokens: short-lived JWTs (RFC 9068) by which a user presents a session to programs that must not have the
//! session itself.
//!
//! A token is signed with ES256. Only this service verifies tokens, and it also looks up whether the session is open. A
//! token's id, the claim `jti`, names it in the session store.

mod config;
mod jwt;

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use contracts::{identity::OPERATOR, ids::UserId};
pub use platform::es256::{PublicKey, SigningKey};
use platform::security_events::TokenRefusal;

pub use self::config::{Config, load};
use crate::model::TokenId;

/// The maximum number of tokens of a session. A further token ends the oldest one.
pub const MAX_PER_SESSION: u32 = 8;

pub struct NewToken<'a> {
    pub id: TokenId,
    pub user: UserId,
    pub login: &'a str,
    pub is_operator: bool,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The signer and verifier of tokens; clones share the keys.
#[derive(Clone)]
pub struct AccessTokens(Arc<Keys>);

struct Keys {
    signing: SigningKey,
    /// The keys that verify tokens: the one that signs, and the next or previous one while operators replace it.
    public: Vec<PublicKey>,
    ttl: Duration,
}

impl AccessTokens {
    /// Also accepts tokens of the key `next`, and publishes it.
    pub fn new(signing: SigningKey, next: Option<&SigningKey>, ttl: Duration) -> Self {
        let public = [&signing].into_iter().chain(next).map(|key| key.public().clone()).collect();
        Self(Arc::new(Keys { signing, public, ttl }))
    }

    /// Returns the lifetime of a token whose session does not end earlier.
    pub fn ttl(&self) -> Duration {
        self.0.ttl
    }

    /// Returns the keys that programs outside may use to verify tokens.
    pub fn public_keys(&self) -> &[PublicKey] {
        &self.0.public
    }

    /// Signs a token. Fails only if the system has no randomness.
    pub fn sign(&self, token: &NewToken<'_>) -> Result<String, ring::error::Unspecified> {
        let roles = if token.is_operator { vec![OPERATOR] } else { Vec::new() };
        jwt::sign(&self.0.signing, token, &roles)
    }

    /// Verifies a token without checking that its session is open. Returns the token's id.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<TokenId, TokenRefusal> {
        jwt::verify(&self.0.public, token, now)
    }
}

/// The debug output does not show the key that signs.
impl fmt::Debug for AccessTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AccessTokens").field("public", &self.0.public).field("ttl", &self.0.ttl).finish()
    }
}
