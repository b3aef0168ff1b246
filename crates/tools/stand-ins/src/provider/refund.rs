//! A refund.

use serde_json::{Value, json};

use super::{Entry, EntryKind, fault::ProviderFault, intent::PaymentIntent};

pub(super) struct Refund {
    pub id: String,
    /// The idempotency key of the request that created the refund.
    pub key: String,
    /// The id of the refunded intent.
    pub intent: String,
    /// In minor units.
    pub amount: i64,
    /// The metadata `transaction_uuid`.
    pub transaction: Option<String>,
    /// The metadata `refund`.
    pub refund: Option<String>,
    pub state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Succeeded,
    /// Succeeds when it is read.
    Pending,
    /// Fails when it is read.
    Failing,
    /// Succeeds when the test completes it.
    Held,
    Failed,
}

impl State {
    pub fn from_fault(fault: Option<ProviderFault>) -> Self {
        match fault {
            Some(ProviderFault::Slow) => Self::Pending,
            Some(ProviderFault::Failing) => Self::Failing,
            Some(ProviderFault::Processing) => Self::Held,
            _ => Self::Succeeded,
        }
    }
}

impl Refund {
    pub fn json(&self) -> Value {
        let status = match self.state {
            State::Succeeded => "succeeded",
            State::Pending | State::Failing | State::Held => "pending",
            State::Failed => "failed",
        };
        // A refund that was made without metadata has none.
        let has_metadata = self.transaction.is_some() || self.refund.is_some();
        let metadata = has_metadata.then(|| json!({ "transaction_uuid": self.transaction, "refund": self.refund }));
        json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "payment_intent": self.intent,
            "status": status,
            "metadata": metadata,
        })
    }

    pub fn entry(&self, intent: &PaymentIntent) -> Option<Entry> {
        let done = self.state == State::Succeeded;
        done.then(|| Entry {
            key: self.key.clone(),
            kind: EntryKind::Refund,
            order: intent.order(),
            amount: self.amount,
        })
    }
}
