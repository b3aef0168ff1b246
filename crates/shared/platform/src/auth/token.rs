//! Service tokens: short-lived JWTs (HS256) with issuer and audience, signed with the key that all services share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::hmac;
use crate::{clock, config::ConfigError};

/// How long a token is valid.
const LIFETIME: Duration = Duration::from_mins(5);
/// How far the clocks of two services may be apart before they refuse each other: a wrong time zone is the usual mistake.
const CLOCK_SKEW: Duration = Duration::from_mins(65);
/// The shortest key that HS256 may have (RFC 7518, section 3.2).
const KEY_BYTES: usize = 32;

#[derive(Debug, thiserror::Error)]
#[error("invalid service token")]
pub struct TokenError;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// A token in use, and when it was made.
#[derive(Clone)]
struct Issued {
    at: Instant,
    token: Arc<str>,
}

/// The key with which one service signs tokens and checks those of others.
#[derive(Clone)]
pub struct ServiceKey {
    service: &'static str,
    encoding: EncodingKey,
    decoding: DecodingKey,
    issued: Arc<Mutex<HashMap<&'static str, Issued>>>,
}

impl ServiceKey {
    /// Fails when the key is too short, naming `SERVICE_KEY`.
    pub fn new(service: &'static str, key: &SecretString) -> Result<Self, ConfigError> {
        let key = key.expose_secret().as_bytes();
        if key.len() < KEY_BYTES {
            return Err(ConfigError::new(
                "SERVICE_KEY",
                format!("has {} bytes; at least {KEY_BYTES} are needed", key.len()),
            ));
        }
        hmac::install();
        Ok(Self {
            service,
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            issued: Arc::default(),
        })
    }

    /// A token for calls to `audience`; renewed after half of its lifetime.
    pub fn token(&self, audience: &'static str) -> Result<Arc<str>, TokenError> {
        let now = Instant::now();
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Issued { at, token }) = issued.get(audience)
            && now.duration_since(*at) < LIFETIME / 2
        {
            return Ok(token.clone());
        }
        let iat = clock::now().timestamp();
        let claims = Claims {
            iss: self.service.to_owned(),
            aud: audience.to_owned(),
            iat,
            exp: iat + LIFETIME.as_secs().cast_signed(),
        };
        let token: Arc<str> = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|_| TokenError)?
            .into();
        issued.insert(audience, Issued { at: now, token: token.clone() });
        Ok(token)
    }

    /// The service that signed `token` for this one.
    pub fn verify(&self, token: &str) -> Result<String, TokenError> {
        self.verify_at(token, clock::now())
    }

    fn verify_at(&self, token: &str, now: DateTime<Utc>) -> Result<String, TokenError> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[self.service]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        // By the clock of this process, which may be wrong on purpose; jsonwebtoken has one of its own.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation).map_err(|_| TokenError)?.claims;
        let expired = claims.exp.saturating_add(CLOCK_SKEW.as_secs().cast_signed()) < now.timestamp();
        if expired { Err(TokenError) } else { Ok(claims.iss) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(service: &'static str, secret: &str) -> ServiceKey {
        ServiceKey::new(service, &secret.repeat(32).into()).unwrap()
    }

    #[test]
    fn a_token_names_its_issuer_to_its_audience_alone() {
        let token = key("order", "k").token("inventory").unwrap();

        assert_eq!(key("inventory", "k").verify(&token).unwrap(), "order");
        assert!(key("payment", "k").verify(&token).is_err());
        assert!(key("inventory", "other").verify(&token).is_err());
    }

    #[test]
    fn a_token_is_good_for_its_life_and_what_clocks_may_differ() {
        let token = key("order", "k").token("inventory").unwrap();
        let after = |minutes| key("inventory", "k").verify_at(&token, clock::now() + Duration::from_mins(minutes));

        assert_eq!(after(69).unwrap(), "order");
        assert!(after(71).is_err());
    }

    #[test]
    fn a_token_that_is_not_valid_yet_is_good_as_the_issuers_clock_may_be_ahead() {
        let token = key("order", "k").token("inventory").unwrap();

        let issuer = key("inventory", "k").verify_at(&token, clock::now() - Duration::from_hours(1));

        assert_eq!(issuer.unwrap(), "order");
    }

    #[test]
    fn a_short_key_is_refused() {
        let error = ServiceKey::new("order", &"short".into()).err().unwrap();

        assert_eq!(error.variable, "SERVICE_KEY");
    }
}
