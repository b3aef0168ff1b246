//! Clients of the other services.

mod iam;
mod operations;
mod orders;
mod playground;
mod services;

use axum::http::{HeaderName, header};
pub use iam::{CALLER, Iam};
pub use operations::Operations;
pub use orders::{IDEMPOTENCY_KEY, Orders, ServiceResponse};
use platform::auth::{Credential, SESSION_HEADER, TokenKind};
pub use playground::{Incident, Playground};
pub use services::Services;

/// Parses a credential: an access token, or else a session.
pub fn credential(text: &str) -> Credential {
    match TokenKind::from_token(text) {
        Ok(TokenKind::User) => Credential::Token(text.to_owned()),
        Ok(TokenKind::Service) | Err(_) => Credential::Session(text.to_owned()),
    }
}

/// Returns the header of an HTTP request with this session or access token.
pub fn credential_header(text: &str) -> (HeaderName, String) {
    match credential(text) {
        Credential::Session(session) => (HeaderName::from_static(SESSION_HEADER), session),
        Credential::Token(token) => (header::AUTHORIZATION, format!("Bearer {token}")),
    }
}
