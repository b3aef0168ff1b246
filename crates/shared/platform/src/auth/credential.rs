//! The credential of a user, a session or an access token issued for one, and how a request's headers carry it.
//!
//! The JOSE header of a JWT distinguishes a user's access token from a service's token before a key is chosen. So a key
//! never verifies a token of the other kind, such as one that is signed by HMAC with the public key of access tokens.

use std::fmt;

use axum::http::{HeaderMap, header};
use jsonwebtoken::{Algorithm, decode_header};
use uuid::Uuid;

use super::{AuthRefusal, SESSION_HEADER, access::refused};
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_of_a_token_is_read_in_any_case() {
        for credentials in ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "bEaReR  a.b.c"] {
            assert_eq!(token_of(credentials), Some("a.b.c"), "{credentials}");
        }
        for credentials in ["Basic a.b.c", "Bearera.b.c", "Bearer", "a.b.c", " Bearer a.b.c", "Bearer\ta.b.c", ""] {
            assert_eq!(token_of(credentials), None, "{credentials}");
        }
    }

    #[test]
    fn all_spellings_of_a_session_are_one() {
        let canonical = "0199a8f0-0b6c-7c44-9d5a-2f8e6d1c3b7a";
        let upper = canonical.to_uppercase();
        let (simple, braced, urn) =
            (canonical.replace('-', ""), format!("{{{canonical}}}"), format!("urn:uuid:{canonical}"));
        for spelling in [canonical, &upper, &simple, &braced, &urn] {
            let headers = [(SESSION_HEADER.parse().unwrap(), spelling.parse().unwrap())].into_iter().collect();
            assert_eq!(session(&headers, SESSION_HEADER).unwrap(), canonical, "{spelling}");
        }
    }

    /// Tokens with these headers, encoded by `printf HEADER | basenc --base64url | tr -d =`.
    #[test]
    fn type_and_algorithm_together_tell_the_kind() {
        for (header, encoded, expected) in [
            (r#"{"alg":"HS256"}"#, "eyJhbGciOiJIUzI1NiJ9", Some(TokenKind::Service)),
            (r#"{"typ":"JWT","alg":"HS256"}"#, "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9", Some(TokenKind::Service)),
            (r#"{"typ":"at+jwt","alg":"ES256"}"#, "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9", Some(TokenKind::User)),
            (r#"{"typ":"at+jwt","alg":"HS256"}"#, "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9", None),
            (r#"{"typ":"JWT","alg":"ES256"}"#, "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9", None),
            (r#"{"alg":"ES256"}"#, "eyJhbGciOiJFUzI1NiJ9", None),
            (r#"{"alg":"none"}"#, "eyJhbGciOiJub25lIn0", None),
            (r#"{"typ":"at+jwt","alg":"none"}"#, "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0", None),
            (r#"{"typ":"JWT","alg":"RS256"}"#, "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9", None),
        ] {
            assert_eq!(TokenKind::from_token(&format!("{encoded}.e30.c2ln")).ok(), expected, "{header}");
        }
    }

    #[test]
    fn what_is_no_jwt_or_too_long_has_no_kind() {
        let header = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9";
        let of_length = |length: usize| format!("{header}.{}.c2ln", "e".repeat(length - header.len() - 6));

        assert_eq!(TokenKind::from_token(&of_length(MAX_TOKEN)), Ok(TokenKind::User));
        for wrong in ["", ".", "..", "no token", header, "!.e30.c2ln", "e30.e30.c2ln", &of_length(MAX_TOKEN + 1)] {
            assert_eq!(TokenKind::from_token(wrong), Err(TokenRefusal::Kind), "{wrong}");
        }
    }
}
