//! Clients of the other services, with the session or access token of the user who sends the request. Their responses are passed on as
//! JSON.

mod customers;
mod delivery;
mod iam;
mod inventory;
mod notifications;
mod operations;
mod orders;
mod payments;

pub use customers::Customers;
pub use delivery::Delivery;
pub use iam::{CALLER, Iam};
pub use inventory::Inventory;
pub use notifications::Notifications;
pub use operations::{
    Audited, Check, CheckState, Make, OnProgress, Operations, Progress, nothing, operations, provide,
};
pub use orders::{Answer, IDEMPOTENCY_KEY, Orders};
pub use payments::Payments;
use platform::auth::{Credential, TokenKind};

/// Parses a credential: an access token, or else a session.
pub fn credential(text: &str) -> Credential {
    match TokenKind::from_token(text) {
        Ok(TokenKind::User) => Credential::Token(text.to_owned()),
        Ok(TokenKind::Service) | Err(_) => Credential::Session(text.to_owned()),
    }
}
