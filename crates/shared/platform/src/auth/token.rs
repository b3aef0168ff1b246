//! Service tokens: short-lived JWTs (HS256) with issuer and audience, signed with the key that all services share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::hmac;
use crate::{clock, config::ConfigError, security_events::TokenRefusal};

/// The lifetime of an issued token, and the maximum that a verifier accepts.
const LIFETIME: Duration = Duration::from_mins(1);
/// The largest accepted difference between two services' clocks. It tolerates a wrong time zone.
const CLOCK_SKEW: Duration = Duration::from_mins(65);
/// HS256's minimum key length in bytes (RFC 7518, section 3.2).
const MIN_KEY_BYTES: usize = 32;

/// The message hides the reason from the caller.
#[derive(Debug, thiserror::Error)]
#[error("invalid service token")]
pub struct TokenError(pub TokenRefusal);

impl From<jsonwebtoken::errors::Error> for TokenError {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        Self(match error.kind() {
            ErrorKind::InvalidSignature => TokenRefusal::Signature,
            ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => TokenRefusal::Lifetime,
            _ => TokenRefusal::Kind,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

#[derive(Clone)]
struct Issued {
    iat: i64,
    token: Arc<str>,
}

/// The key with which a service signs its tokens and verifies other services' tokens.
#[derive(Clone)]
pub struct ServiceKey {
    service: &'static str,
    encoding: Arc<EncodingKey>,
    /// The keys that verify tokens. The first is also the signing key.
    decoding: Arc<[DecodingKey]>,
    issued: Arc<Mutex<HashMap<&'static str, Issued>>>,
}

impl ServiceKey {
    /// Creates the key of `service`. Fails if the key is too short; the error names `SERVICE_KEY`.
    pub fn new(service: &'static str, key: &SecretString) -> Result<Self, ConfigError> {
        let key = long_enough("SERVICE_KEY", key)?;
        hmac::install();
        Ok(Self {
            service,
            encoding: Arc::new(EncodingKey::from_secret(key)),
            decoding: [DecodingKey::from_secret(key)].into(),
            issued: Arc::default(),
        })
    }

    /// Also accepts tokens signed with `previous`, while operators replace the key. Fails if `previous` is too short;
    /// the error names `SERVICE_KEY_PREVIOUS`.
    pub fn accepting(mut self, previous: Option<&SecretString>) -> Result<Self, ConfigError> {
        if let Some(previous) = previous {
            let previous = long_enough("SERVICE_KEY_PREVIOUS", previous)?;
            self.decoding = self.decoding.iter().cloned().chain([DecodingKey::from_secret(previous)]).collect();
        }
        Ok(self)
    }

    /// Returns a token for calls to the service `audience`. A cached token is replaced after half of its lifetime, and
    /// when the clock was set by more than that. A monotonic clock would not notice this, nor that the host slept.
    pub fn token(&self, audience: &'static str) -> Result<Arc<str>, TokenError> {
        self.token_at(audience, clock::now())
    }

    fn token_at(&self, audience: &'static str, now: DateTime<Utc>) -> Result<Arc<str>, TokenError> {
        let iat = now.timestamp();
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = issued.get(audience)
            && cached.iat.abs_diff(iat) < (LIFETIME / 2).as_secs()
        {
            return Ok(cached.token.clone());
        }
        let claims = Claims {
            iss: self.service.to_owned(),
            aud: audience.to_owned(),
            iat,
            exp: iat + LIFETIME.as_secs().cast_signed(),
        };
        let token: Arc<str> = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)?.into();
        issued.insert(audience, Issued { iat, token: token.clone() });
        Ok(token)
    }

    /// Verifies a token for this service. Returns the signing service.
    pub fn verify(&self, token: &str) -> Result<String, TokenError> {
        self.verify_at(token, clock::now())
    }

    fn verify_at(&self, token: &str, now: DateTime<Utc>) -> Result<String, TokenError> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[self.service]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        // `is_valid` checks the expiry with the clock of this process, which tests may set wrong; jsonwebtoken would
        // use its own clock.
        validation.validate_exp = false;
        let mut refused = TokenError(TokenRefusal::Kind);
        for key in self.decoding.iter() {
            match jsonwebtoken::decode::<Claims>(token, key, &validation) {
                Ok(token) if token.header.typ.as_deref().is_some_and(|typ| typ != "JWT") => break,
                Ok(token) if is_valid(&token.claims, now.timestamp()) => return Ok(token.claims.iss),
                Ok(_) => return Err(TokenError(TokenRefusal::Lifetime)),
                Err(error) => refused = error.into(),
            }
        }
        Err(refused)
    }
}

/// Returns true if the token is valid now, within [`CLOCK_SKEW`], and short-lived.
fn is_valid(claims: &Claims, now: i64) -> bool {
    let (life, skew) = (LIFETIME.as_secs().cast_signed(), CLOCK_SKEW.as_secs().cast_signed());
    let is_short = claims.exp.checked_sub(claims.iat).is_some_and(|lives| (0..=life).contains(&lives));
    is_short && claims.iat <= now.saturating_add(skew) && claims.exp >= now.saturating_sub(skew)
}

/// Fails if the key has fewer than [`MIN_KEY_BYTES`].
fn long_enough<'a>(variable: &str, key: &'a SecretString) -> Result<&'a [u8], ConfigError> {
    let key = key.expose_secret().as_bytes();
    if key.len() < MIN_KEY_BYTES {
        let problem = format!("has {} bytes; at least {MIN_KEY_BYTES} are needed", key.len());
        return Err(ConfigError::new(variable, problem));
    }
    Ok(key)
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
        assert_eq!(key("payment", "k").verify(&token).unwrap_err().0, TokenRefusal::Kind);
        assert_eq!(key("inventory", "other").verify(&token).unwrap_err().0, TokenRefusal::Signature);
        assert_eq!(key("inventory", "k").verify("no token").unwrap_err().0, TokenRefusal::Kind);
    }

    #[test]
    fn a_token_is_good_for_its_life_and_what_clocks_may_differ() {
        let token = key("order", "k").token("inventory").unwrap();
        let after = |minutes| key("inventory", "k").verify_at(&token, clock::now() + Duration::from_mins(minutes));

        assert_eq!(after(65).unwrap(), "order");
        assert_eq!(after(67).unwrap_err().0, TokenRefusal::Lifetime);
    }

    #[test]
    fn a_token_is_issued_anew_after_the_host_slept_or_its_clock_was_set() {
        let (order, inventory, now) = (key("order", "k"), key("inventory", "k"), clock::now());
        let token = |now| order.token_at("inventory", now).unwrap();
        let first = token(now);
        assert_eq!(token(now + Duration::from_secs(29)), first, "it is cached");

        for then in [now + Duration::from_hours(2), now - Duration::from_hours(2)] {
            assert_eq!(inventory.verify_at(&token(then), then).unwrap(), "order", "at {then}");
        }
    }

    #[test]
    fn while_the_key_changes_tokens_of_both_are_accepted_and_those_of_no_third() {
        let token = |secret| key("order", secret).token("inventory").unwrap();
        let changing = key("inventory", "n").accepting(Some(&"o".repeat(32).into())).unwrap();

        assert_eq!(changing.verify(&token("n")).unwrap(), "order");
        assert_eq!(changing.verify(&token("o")).unwrap(), "order");
        assert!(changing.verify(&token("x")).is_err());
        // The service signs only with the new key.
        let own = changing.token("order").unwrap();
        assert!(key("order", "n").verify(&own).is_ok() && key("order", "o").verify(&own).is_err());
    }

    #[test]
    fn a_short_key_is_refused() {
        let error = ServiceKey::new("order", &"short".into()).err().unwrap();
        let previous = key("order", "k").accepting(Some(&"short".into())).err().unwrap();

        assert_eq!([error.variable, previous.variable], ["SERVICE_KEY", "SERVICE_KEY_PREVIOUS"]);
    }
}
