//! Stripe's responses, with only the fields that the client uses.

use std::fmt;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::{
    client::Unknown,
    model::{Decline, Outcome},
};

#[derive(Deserialize)]
pub(super) struct PaymentIntent {
    pub id: String,
    pub status: String,
    last_payment_error: Option<Details>,
}

#[derive(Deserialize)]
pub(super) struct SearchResult {
    pub data: Vec<PaymentIntent>,
}

#[derive(Deserialize)]
pub(super) struct RefundObject {
    pub id: String,
    pub status: String,
}

/// An error response.
pub(super) struct ErrorResponse {
    pub status: StatusCode,
    details: Details,
}

#[derive(Deserialize)]
struct Body {
    error: Details,
}

#[derive(Default, Deserialize)]
struct Details {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
}

impl PaymentIntent {
    /// Returns the outcome, or `None` while the PaymentIntent is pending.
    pub fn outcome(&self) -> Option<Outcome> {
        match (self.status.as_str(), &self.last_payment_error) {
            ("succeeded", _) => Some(Outcome::Charged { reference: self.id.clone() }),
            ("requires_payment_method", Some(details)) => Some(Outcome::Declined(details.decline())),
            ("canceled", _) => Some(Outcome::Declined(Decline::Declined)),
            _ => None,
        }
    }
}

impl RefundObject {
    /// Returns true if the refund completes without further action.
    pub fn completes(&self) -> bool {
        matches!(self.status.as_str(), "succeeded" | "pending")
    }
}

impl ErrorResponse {
    pub fn read(status: StatusCode, body: &[u8]) -> Self {
        let details = serde_json::from_slice::<Body>(body).map(|body| body.error).unwrap_or_default();
        Self { status, details }
    }

    pub fn decline(&self) -> Decline {
        self.details.decline()
    }

    /// Returns true if the request itself is invalid, so that it never has an effect under this idempotency key.
    ///
    /// An idempotency key reused with other parameters is a different error, because the first request may have been processed.
    pub fn is_invalid_request(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST && self.details.kind.as_deref() == Some("invalid_request_error")
    }

    pub fn has_code(&self, code: &str) -> bool {
        self.details.code.as_deref() == Some(code)
    }
}

impl Details {
    fn decline(&self) -> Decline {
        match self.decline_code.as_deref().or(self.code.as_deref()) {
            Some("insufficient_funds") => Decline::InsufficientFunds,
            _ => Decline::Declined,
        }
    }
}

/// Displays only codes, because messages may quote the request.
impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        let codes = [&self.details.kind, &self.details.code, &self.details.decline_code];
        codes.into_iter().flatten().try_for_each(|code| write!(f, " {code}"))
    }
}

impl From<ErrorResponse> for Unknown {
    fn from(failed: ErrorResponse) -> Self {
        Self(anyhow::anyhow!("the payment provider answered {failed}"))
    }
}
