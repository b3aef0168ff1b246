//! A PaymentIntent.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Entry, EntryKind, Post, response::error_of};

pub(super) struct PaymentIntent {
    pub id: String,
    /// The idempotency key of the request that created the intent.
    key: String,
    /// In minor units.
    pub amount: i64,
    pub status: Status,
    order: Option<String>,
    transaction: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Succeeded,
    /// Succeeds when it is read.
    Processing,
    /// Is declined when it is read.
    Failing,
    /// Succeeds when the test completes it.
    Held,
    /// Declined with this code.
    Declined(&'static str),
}

impl PaymentIntent {
    pub fn new(id: String, post: &Post, amount: i64, status: Status) -> Self {
        let metadata = |name: &str| post.form.get(&format!("metadata[{name}]")).cloned();
        let (order, transaction) = (metadata("order_uuid"), metadata("transaction_uuid"));
        Self { id, key: post.key.clone(), amount, status, order, transaction }
    }

    pub fn transaction(&self) -> Option<&str> {
        self.transaction.as_deref()
    }

    pub fn order(&self) -> Uuid {
        self.order.as_deref().and_then(|order| order.parse().ok()).unwrap_or_default()
    }

    /// Returns the ledger entry of the intent; `None` while it is processing.
    pub fn entry(&self) -> Option<Entry> {
        let kind = match self.status {
            Status::Succeeded => EntryKind::Charge,
            Status::Declined(_) => EntryKind::Decline,
            Status::Processing | Status::Failing | Status::Held => return None,
        };
        Some(Entry { key: self.key.clone(), kind, order: self.order(), amount: self.amount })
    }

    pub fn json(&self) -> Value {
        let (status, failure) = match self.status {
            Status::Succeeded => ("succeeded", None),
            Status::Processing | Status::Failing | Status::Held => ("processing", None),
            Status::Declined(code) => ("requires_payment_method", Some(code)),
        };
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "status": status,
            "last_payment_error": failure.map(|code| error_of("card_error", "card_declined", Some(code))),
            "metadata": { "order_uuid": self.order, "transaction_uuid": self.transaction },
        })
    }
}
