//! The provider's ledger: intents, charges and refunds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    entry::{Entry, EntryKind},
    fault::{Faults, Mode, ProviderFault},
    intent::{PaymentIntent, Status},
    request::{Kept, Post},
    response::StripeResponse,
};
use serde_json::{Value, json};
use tokio::sync::watch;

/// The smallest amount that Stripe charges, in minor units.
const SMALLEST: i64 = 50;

#[derive(Default)]
pub(super) struct Ledger {
    pub faults: Faults,
    /// Charges above this amount, in minor units, are declined.
    pub limit: Option<i64>,
    /// Stored responses by idempotency key.
    pub answers: HashMap<String, Kept>,
    /// The number of responses that were replayed.
    pub replayed: usize,
    pub posts: Vec<HashMap<String, String>>,
    pub entries: Vec<Entry>,
    /// Withheld responses wait until this sender is dropped.
    pub gate: watch::Sender<()>,
    /// Intents by id.
    intents: HashMap<String, PaymentIntent>,
    /// Ids of intents by transaction. A transaction has more than one after its key was forgotten.
    transactions: HashMap<String, Vec<String>>,
}

/// The ledger, shared by the API and the test.
#[derive(Clone, Default)]
pub(super) struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    pub fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    pub fn charge(&mut self, post: &Post, fault: Option<ProviderFault>) -> StripeResponse {
        let amount = post.form.get("amount").and_then(|amount| amount.parse::<i64>().ok());
        let Some(amount) = amount.filter(|amount| *amount >= SMALLEST) else {
            return StripeResponse::invalid("amount_too_small");
        };
        let status = match fault {
            Some(ProviderFault::Declined(code)) => Status::Declined(code),
            _ if self.limit.is_some_and(|limit| amount > limit) => Status::Declined("generic_decline"),
            Some(ProviderFault::Slow) => Status::Processing,
            _ => Status::Succeeded,
        };
        let intent = PaymentIntent::new(format!("pi_{}", self.intents.len() + 1), post, amount, status);
        let answer = match status {
            Status::Declined(code) => StripeResponse::declined(code),
            _ => StripeResponse::ok(intent.json()),
        };
        self.entries.extend(intent.entry());
        if let Some(transaction) = intent.transaction() {
            self.transactions.entry(transaction.to_owned()).or_default().push(intent.id.clone());
        }
        self.intents.insert(intent.id.clone(), intent);
        answer
    }

    /// Refunds the whole charge, or the given amount.
    pub fn refund(&mut self, post: &Post) -> StripeResponse {
        let Some(intent) = post.form.get("payment_intent").and_then(|id| self.intents.get_mut(id)) else {
            return StripeResponse::missing();
        };
        let amount = post.form.get("amount").map_or(Some(intent.amount), |amount| amount.parse().ok());
        let Some(amount) = amount.filter(|amount| (1..=intent.amount).contains(amount)) else {
            return StripeResponse::invalid("parameter_invalid_integer");
        };
        if intent.status != Status::Succeeded {
            return StripeResponse::invalid("payment_intent_unexpected_state");
        }
        if std::mem::replace(&mut intent.refunded, true) {
            return StripeResponse::invalid("charge_already_refunded");
        }
        let refund = json!({ "id": format!("re_{}", intent.id), "object": "refund", "status": "succeeded" });
        let (key, order) = (post.key.clone(), intent.order());
        self.entries.push(Entry { key, kind: EntryKind::Refund, order, amount });
        StripeResponse::ok(refund)
    }

    /// Returns the current state of an intent. Reading an intent that is processing completes it.
    pub fn look(&mut self, id: &str) -> Option<Value> {
        let intent = self.intents.get_mut(id)?;
        if intent.status == Status::Processing {
            intent.status = Status::Succeeded;
            self.entries.extend(intent.entry());
        }
        Some(intent.json())
    }

    pub fn search(&self, transaction: &str) -> Vec<Value> {
        if self.faults.mode == Mode::Duplicating {
            return Vec::new();
        }
        let ids = self.transactions.get(transaction).into_iter().flatten();
        ids.filter_map(|id| self.intents.get(id)).map(PaymentIntent::json).collect()
    }
}
