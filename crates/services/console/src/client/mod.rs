//! Clients of the other services.

mod iam;
mod operations;
mod orders;
mod services;

pub use iam::{CALLER, Iam};
pub use operations::Operations;
pub use orders::{IDEMPOTENCY_KEY, Orders, ServiceResponse};
use platform::auth::{Credential, TokenKind};
pub use services::Services;

/// Parses a credential: an access token, or else a session.
pub fn credential(text: &str) -> Credential {
    match TokenKind::from_token(text) {
        Ok(TokenKind::User) => Credential::Token(text.to_owned()),
        Ok(TokenKind::Service) | Err(_) => Credential::Session(text.to_owned()),
    }
}
