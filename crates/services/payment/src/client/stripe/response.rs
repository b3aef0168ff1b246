//! Stripe's responses, with only the fields that the client uses.

use std::fmt;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::{
    client::{Refund, Unknown},
    model::{ChargeOutcome, ChargeState, Decline, RefundState, refund_of_rest},
};

#[derive(Deserialize)]
pub(super) struct PaymentIntent {
    id: String,
    status: String,
    last_payment_error: Option<Details>,
}

#[derive(Deserialize)]
pub(super) struct SearchResult {
    data: Vec<PaymentIntent>,
}

#[derive(Deserialize)]
pub(super) struct RefundList {
    data: Vec<RefundObject>,
    #[serde(default)]
    has_more: bool,
}

/// The sum that the requests of one refund have given back, according to the pages read so far.
pub(super) struct Given<'a> {
    wanted: &'a Refund,
    amount: i64,
    pending: Option<RefundState>,
}

#[derive(Deserialize)]
pub(super) struct RefundObject {
    id: String,
    /// Nullable in Stripe's schema, like the metadata.
    status: Option<String>,
    amount: Option<i64>,
    metadata: Option<RefundMetadata>,
}

#[derive(Deserialize)]
struct RefundMetadata {
    refund: Option<String>,
}

pub(super) struct ErrorResponse {
    pub status: StatusCode,
    /// True if the response was stored under the idempotency key of an earlier request.
    replayed: bool,
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
    pub fn state(&self) -> ChargeState {
        ChargeState::Settled(match (self.status.as_str(), &self.last_payment_error) {
            ("succeeded", _) => ChargeOutcome::Charged { reference: self.id.clone() },
            ("requires_payment_method", Some(details)) => ChargeOutcome::Declined(details.decline()),
            ("canceled", _) => ChargeOutcome::Declined(Decline::Declined),
            _ => return ChargeState::Processing { reference: self.id.clone() },
        })
    }
}

impl SearchResult {
    /// Returns the state of the charge; `None` if there is none. Of several PaymentIntents, one that has charged takes
    /// precedence, then one that may still charge.
    pub fn state(&self) -> Option<ChargeState> {
        self.data.iter().map(PaymentIntent::state).max_by_key(|state| match state {
            ChargeState::Settled(ChargeOutcome::Declined(_)) => 0,
            ChargeState::Processing { .. } => 1,
            ChargeState::Settled(ChargeOutcome::Charged { .. }) => 2,
        })
    }
}

impl RefundObject {
    pub fn state(&self) -> RefundState {
        match self.status.as_deref() {
            Some("succeeded") => RefundState::Refunded,
            Some("failed" | "canceled") => RefundState::Failed,
            _ => RefundState::Pending { reference: self.id.clone() },
        }
    }
}

impl RefundList {
    /// Returns the id after which the next page begins; `None` if this is the last page.
    pub fn next(&self) -> Option<String> {
        self.data.last().filter(|_| self.has_more).map(|refund| refund.id.clone())
    }
}

impl<'a> Given<'a> {
    pub fn nothing(wanted: &'a Refund) -> Self {
        Self { wanted, amount: 0, pending: None }
    }

    /// Returns the provider's id of the charge.
    pub fn charge(&self) -> &'a str {
        &self.wanted.charge
    }

    /// Adds the requests on this page that belong to this refund. A refund without our metadata was made in the
    /// provider's dashboard, and counts towards the refund of a cancelled order.
    pub fn add(&mut self, page: &RefundList) {
        let is_rest = self.wanted.id == refund_of_rest(self.wanted.transaction);
        for refund in &page.data {
            let id = refund.metadata.as_ref().and_then(|metadata| metadata.refund.as_ref());
            if !id.map_or(is_rest, |id| *id == self.wanted.id) {
                continue;
            }
            match refund.state() {
                RefundState::Failed => continue,
                RefundState::Refunded => {}
                state @ RefundState::Pending { .. } => self.pending = Some(state),
            }
            self.amount += refund.amount.unwrap_or(self.wanted.amount.minor());
        }
    }

    /// Returns the state of the refund; `None` if its requests have given back less than its amount.
    pub fn state(&self) -> Option<RefundState> {
        let is_given = self.amount >= self.wanted.amount.minor();
        is_given.then(|| self.pending.clone().unwrap_or(RefundState::Refunded))
    }

    /// Returns the idempotency key and the amount, in minor units, of the request for the rest.
    pub fn request(&self) -> (String, i64) {
        let rest = self.wanted.amount.minor() - self.amount;
        if self.amount == 0 {
            return (self.wanted.key.clone(), rest);
        }
        (format!("{}-rest-{rest}", self.wanted.key), rest)
    }

    /// Returns the state of the refund once `made` has given back the rest.
    pub fn state_with(&self, made: &RefundObject) -> RefundState {
        match (made.state(), &self.pending) {
            (RefundState::Refunded, Some(pending)) => pending.clone(),
            (state, _) => state,
        }
    }
}

impl ErrorResponse {
    pub fn read(status: StatusCode, replayed: bool, body: &[u8]) -> Self {
        let details = serde_json::from_slice::<Body>(body).map(|body| body.error).unwrap_or_default();
        Self { status, replayed, details }
    }

    pub fn decline(&self) -> Decline {
        self.details.decline()
    }

    /// Returns true if the request itself is invalid: it then never has an effect under this idempotency key.
    ///
    /// The error for a key reused with other parameters does not count, because the first request may have been
    /// processed.
    pub fn is_invalid_request(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST && self.details.kind.as_deref() == Some("invalid_request_error")
    }

    /// Returns true if Stripe did not execute the request: its key or right is refused, or there were too many
    /// requests.
    pub fn is_refused(&self) -> bool {
        matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
    }

    /// Returns true if every retry under the same idempotency key would get this response.
    pub fn is_final(&self) -> bool {
        self.replayed || self.status == StatusCode::PAYMENT_REQUIRED || self.is_invalid_request()
    }

    /// Returns true if the charge to refund is refunded already.
    pub fn is_refunded(&self) -> bool {
        self.details.code.as_deref() == Some("charge_already_refunded")
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
        Self(anyhow::anyhow!("the payment provider responded {failed}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_a_refund_that_stripe_may_leave_null_are_read() {
        let page = r#"{"data": [
            {"id": "re_1", "amount": 300, "status": null, "metadata": null},
            {"id": "re_2", "amount": 300, "status": "succeeded", "metadata": {"refund": null}},
            {"id": "re_3", "amount": 300, "status": "failed"}
        ]}"#;

        let page: RefundList = serde_json::from_str(page).unwrap();

        let pending = RefundState::Pending { reference: "re_1".to_owned() };
        let states: Vec<RefundState> = page.data.iter().map(RefundObject::state).collect();
        assert_eq!(states, [pending, RefundState::Refunded, RefundState::Failed]);
    }
}
