//! Reads the caller's token or session from a request's headers.

use axum::http::{HeaderMap, header};
use uuid::Uuid;

use super::{Credential, Refusal, SESSION_HEADER, TokenKind, refusal::refused};
use crate::security_events::TokenRefusal;

/// Returns the token in the header `Authorization` with its kind. Verifies nothing.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<(TokenKind, &str)>, Refusal> {
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
pub(super) fn credential(token: Option<&str>, headers: &HeaderMap, name: &str) -> Result<Credential, Refusal> {
    match token {
        Some(_) if headers.contains_key(name) => Err(Refusal::InvalidSession),
        Some(token) => Ok(Credential::Token(token.to_owned())),
        None => session(headers, name).map(Credential::Session),
    }
}

/// Returns the credential of an HTTP request from outside, where only users call. Refuses a service's token.
pub fn user_credential(headers: &HeaderMap) -> Result<Credential, Refusal> {
    match bearer(headers)? {
        Some((TokenKind::Service, _)) => Err(refused(TokenRefusal::Kind)),
        Some((TokenKind::User, token)) => credential(Some(token), headers, SESSION_HEADER),
        None => credential(None, headers, SESSION_HEADER),
    }
}

fn session(headers: &HeaderMap, name: &str) -> Result<String, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Refusal::MissingSession)?.to_str().map_err(|_| Refusal::InvalidSession)?;
    if values.next().is_some() {
        return Err(Refusal::InvalidSession);
    }
    if value.is_empty() {
        return Err(Refusal::EmptySession);
    }
    // Every spelling of a session's uuid counts as the same session, also for the bounds per session.
    Ok(Uuid::try_parse(value).map_or_else(|_| value.to_owned(), |session| session.to_string()))
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
}
