//! The headers by which a request identifies its caller: a user's credential (a session, or an access token issued for
//! a session), or the token of a service. Services' tokens are short-lived JWTs (HS256) with issuer and audience,
//! signed with the key that all services share.
//!
//! The JOSE header of a JWT distinguishes a user's access token from a service's token before a key is chosen. So a key
//! never verifies a token of the other kind, such as one that is signed by HMAC with the public key of access tokens.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, header};
use base::{clock, config::ConfigError};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode_header, errors::ErrorKind};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AuthRefusal, SESSION_HEADER, access::refused, hmac};
use crate::security_events::TokenRefusal;

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

/// Returns the token in the header `Authorization` with its kind. Verifies nothing.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<(TokenKind, &str)>, AuthRefusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused(TokenRefusal::Kind));
    }
    let token = value.to_str().ok().and_then(token_of).unwrap_or_default();
    let kind = TokenKind::from_token(token).map_err(refused)?;
    Ok(Some((kind, token)))
}

/// Returns the token in the header `Authorization`, of any kind. Verifies nothing.
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    token_of(headers.get(header::AUTHORIZATION)?.to_str().ok()?)
}

/// Returns the token of credentials with the scheme `Bearer`, in upper or lower case (RFC 9110, section 11.1).
fn token_of(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}

/// Returns the access token, or the session in the header `name`. Refuses a request with both.
pub(super) fn credential(token: Option<&str>, headers: &HeaderMap, name: &str) -> Result<Credential, AuthRefusal> {
    match token {
        Some(_) if headers.contains_key(name) => Err(AuthRefusal::InvalidSession),
        Some(token) => Ok(Credential::Token(token.to_owned())),
        None => session(headers, name).map(Credential::Session),
    }
}

/// Returns the credential of an HTTP request from outside, where only users call. Refuses a service's token.
pub fn user_credential(headers: &HeaderMap) -> Result<Credential, AuthRefusal> {
    match bearer(headers)? {
        Some((TokenKind::Service, _)) => Err(refused(TokenRefusal::Kind)),
        Some((TokenKind::User, token)) => credential(Some(token), headers, SESSION_HEADER),
        None => credential(None, headers, SESSION_HEADER),
    }
}

fn session(headers: &HeaderMap, name: &str) -> Result<String, AuthRefusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(AuthRefusal::MissingSession)?.to_str().map_err(|_| AuthRefusal::InvalidSession)?;
    if values.next().is_some() {
        return Err(AuthRefusal::InvalidSession);
    }
    if value.is_empty() {
        return Err(AuthRefusal::EmptySession);
    }
    // Every spelling of a session's uuid counts as the same session, also for the bounds per session.
    Ok(Uuid::try_parse(value).map_or_else(|_| value.to_owned(), |session| session.to_string()))
}

/// The maximum length of a token in bytes.
pub const MAX_TOKEN: usize = 2_048;
/// The type of an access token (RFC 9068).
const ACCESS_TOKEN: &str = "at+jwt";

/// The kind of a token according to its header. The signature is not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A service's token: HS256, of type `JWT` or without a type.
    Service,
    /// A user's access token: ES256, of type `at+jwt`.
    User,
}

impl TokenKind {
    /// Reads the kind of a token. Fails for every other pair of type and algorithm, for a malformed header, and for a
    /// token longer than [`MAX_TOKEN`].
    pub fn from_token(token: &str) -> Result<Self, TokenRefusal> {
        if token.len() > MAX_TOKEN {
            return Err(TokenRefusal::Kind);
        }
        let header = decode_header(token).map_err(|_| TokenRefusal::Kind)?;
        match (header.typ.as_deref(), header.alg) {
            (None | Some("JWT"), Algorithm::HS256) => Ok(Self::Service),
            (Some(ACCESS_TOKEN), Algorithm::ES256) => Ok(Self::User),
            _ => Err(TokenRefusal::Kind),
        }
    }
}

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
mod tests;
