//! The provider's ledger: intents, charges and refunds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::watch;

use super::{
    Entry, Post, StoredAnswer,
    fault::{Faults, Mode, ProviderFault, Purpose},
    intent::{PaymentIntent, Status},
    refund::Refund,
    response::{Hold, StripeResponse},
};

/// The smallest amount that Stripe charges, in minor units.
const MIN_AMOUNT: i64 = 50;

#[derive(Default)]
pub(super) struct Ledger {
    pub faults: Faults,
    /// Charges above this amount, in minor units, are declined.
    pub limit: Option<i64>,
    /// Stored responses by idempotency key.
    pub answers: HashMap<String, StoredAnswer>,
    /// The number of replayed responses.
    pub replayed: usize,
    pub posts: Vec<HashMap<String, String>>,
    pub entries: Vec<Entry>,
    /// Withheld responses wait until this sender is dropped.
    pub gate: watch::Sender<()>,
    /// True if the API has no search.
    pub unsearchable: bool,
    /// True if the API has no list of refunds.
    pub unlisted: bool,
    /// The number of requests for a list of refunds.
    pub lists: usize,
    /// The refunds in order of creation.
    pub refunds: Vec<Refund>,
    pub intents: HashMap<String, PaymentIntent>,
    /// Ids of intents by transaction: more than one if the transaction's key was forgotten.
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
    fn charge(&mut self, post: &Post, fault: Option<ProviderFault>) -> StripeResponse {
        let amount = post.form.get("amount").and_then(|amount| amount.parse::<i64>().ok());
        let Some(amount) = amount.filter(|amount| *amount >= MIN_AMOUNT) else {
            return StripeResponse::invalid("amount_too_small");
        };
        let status = match fault {
            Some(ProviderFault::Declined(code)) => Status::Declined(code),
            _ if self.limit.is_some_and(|limit| amount > limit) => Status::Declined("generic_decline"),
            Some(ProviderFault::Slow) => Status::Processing,
            Some(ProviderFault::Failing) => Status::Failing,
            Some(ProviderFault::Processing) => Status::Held,
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

    /// Returns the current state of an intent. Reading a processing intent may complete it.
    pub fn look(&mut self, id: &str) -> Option<Value> {
        let intent = self.intents.get_mut(id)?;
        let completed = match intent.status {
            Status::Processing => Some(Status::Succeeded),
            Status::Failing => Some(Status::Declined("generic_decline")),
            Status::Succeeded | Status::Held | Status::Declined(_) => None,
        };
        if let Some(status) = completed {
            intent.status = status;
            self.entries.extend(intent.entry());
        }
        Some(intent.json())
    }

    pub fn complete_charges(&mut self) {
        for intent in self.intents.values_mut().filter(|intent| intent.status == Status::Held) {
            intent.status = Status::Succeeded;
            self.entries.extend(intent.entry());
        }
    }

    pub fn search(&self, transaction: &str) -> Vec<Value> {
        if self.faults.mode == Mode::Duplicating {
            return Vec::new();
        }
        let ids = self.transactions.get(transaction).into_iter().flatten();
        ids.filter_map(|id| self.intents.get(id)).map(PaymentIntent::json).collect()
    }

    /// A POST takes effect once per key, and a repetition gets the stored response.
    pub fn post(&mut self, post: &Post) -> (StripeResponse, Hold) {
        let mut seen = post.form.clone();
        seen.insert("Idempotency-Key".to_owned(), post.key.clone());
        self.posts.push(seen);
        match self.answers.get(&post.key) {
            Some(kept) if kept.form == post.form => {
                self.replayed += 1;
                return (kept.answer.clone().again(), Hold::Nothing);
            }
            Some(_) => return (StripeResponse::reused(), Hold::Nothing),
            None => {}
        }
        let fault = self.faults.next(post.purpose, &post.key);
        if let Some(ProviderFault::Status(status)) = fault {
            return (StripeResponse::empty(status), Hold::Nothing);
        }
        let answer = match (fault, post.purpose) {
            (Some(ProviderFault::Stored(status)), _) => StripeResponse::empty(status),
            (_, Purpose::Charge) => self.charge(post, fault),
            (_, Purpose::Refund) => self.refund(post, fault),
        };
        self.answers.insert(post.key.clone(), StoredAnswer { form: post.form.clone(), answer: answer.clone() });
        match fault {
            Some(ProviderFault::Silent) => (answer, Hold::Silence),
            Some(ProviderFault::Withheld) => (answer, Hold::Gate(self.gate.subscribe())),
            Some(ProviderFault::Lost) => (StripeResponse::lost(), Hold::Nothing),
            _ => (answer, Hold::Nothing),
        }
    }
}
