//! A stand-in for Stripe that is idempotent like Stripe, and injects faults on request.

mod api;
mod fault;
mod intent;
mod ledger;
mod refund;
mod refunds;
mod response;

use std::{collections::HashMap, net::SocketAddr};

use tokio::sync::watch;
use uuid::Uuid;

pub use self::fault::{Mode, ProviderFault};
use self::{fault::Purpose, ledger::SharedLedger, response::StripeResponse};
use crate::server::Server;

/// An entry of the provider's ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The Idempotency-Key of the request; for a charge or a decline, the transaction's UUID.
    pub key: String,
    pub kind: EntryKind,
    /// Nil if the charge names no order.
    pub order: Uuid,
    /// In minor units, positive.
    pub amount: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    Charge,
    Decline,
    Refund,
}

/// A POST request.
struct Post {
    purpose: Purpose,
    key: String,
    form: HashMap<String, String>,
}

/// The response stored under the idempotency key of a request, with the request that it answered.
struct StoredAnswer {
    form: HashMap<String, String>,
    answer: StripeResponse,
}

/// A server of the part of Stripe's API that creates, finds and refunds charges. It runs until it is dropped.
pub struct Provider {
    server: Server,
    ledger: SharedLedger,
}

impl Provider {
    /// Returns a provider with this API key and an empty ledger.
    pub async fn start(key: &str) -> anyhow::Result<Self> {
        let ledger = SharedLedger::default();
        let server = Server::start(api::router(key, ledger.clone())).await?;
        Ok(Self { server, ledger })
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the base URL, without a trailing slash.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Declines every charge above this amount, in minor units.
    pub fn decline_above(&self, limit: i64) {
        self.ledger.lock().limit = Some(limit);
    }

    /// Sets the mode, which applies while no fault is scripted.
    pub fn be(&self, mode: Mode) {
        self.ledger.lock().faults.mode = mode;
    }

    /// Sets the faults of the next new charges, one each. A replayed request is not new; a request whose earlier
    /// attempts had no effect is.
    pub fn script(&self, faults: impl IntoIterator<Item = ProviderFault>) {
        self.ledger.lock().faults.script.extend(faults);
    }

    /// Forgets the scripted faults that have not been injected.
    pub fn unscript(&self) {
        self.ledger.lock().faults.script.clear();
    }

    /// Returns how many responses are withheld. A request whose caller has disconnected does not count.
    pub fn withheld(&self) -> usize {
        self.ledger.lock().gate.receiver_count()
    }

    /// Releases the withheld responses. Later ones are withheld again.
    pub fn release(&self) {
        // Dropping the old sender wakes the waiting requests.
        self.ledger.lock().gate = watch::Sender::default();
    }

    /// Completes the charges and refunds with [`ProviderFault::Processing`].
    pub fn complete(&self) {
        let mut ledger = self.ledger.lock();
        ledger.complete_charges();
        ledger.complete_refunds();
    }

    /// Makes succeeded refunds fail, as a bank does days later.
    pub fn fail_refunds(&self) {
        self.ledger.lock().fail_refunds();
    }

    /// Returns 404 to searches, like a Stripe-compatible server without search.
    pub fn without_search(&self) {
        self.ledger.lock().unsearchable = true;
    }

    /// Returns 404 to requests for a list of refunds, like a Stripe-compatible server without lists.
    pub fn without_refund_list(&self) {
        self.ledger.lock().unlisted = true;
    }

    /// Deletes all idempotency keys, as Stripe does after a day.
    pub fn forget_keys(&self) {
        self.ledger.lock().answers.clear();
    }

    /// Returns how many new POSTs were handled with a fault, scripted or by mode.
    pub fn faults_met(&self) -> usize {
        self.ledger.lock().faults.met
    }

    pub fn replayed(&self) -> usize {
        self.ledger.lock().replayed
    }

    /// Returns how many requests asked for a list of refunds.
    pub fn refund_lists(&self) -> usize {
        self.ledger.lock().lists
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.ledger.lock().entries.clone()
    }

    /// Returns how many charges of this order have succeeded.
    pub fn charges(&self, order: Uuid) -> usize {
        self.count(order, EntryKind::Charge)
    }

    /// Returns how many refunds this order has received.
    pub fn refunds(&self, order: Uuid) -> usize {
        self.count(order, EntryKind::Refund)
    }

    /// Returns the posted forms, including repetitions, each with its key under `Idempotency-Key`.
    pub fn posts(&self) -> Vec<HashMap<String, String>> {
        self.ledger.lock().posts.clone()
    }

    fn count(&self, order: Uuid, kind: EntryKind) -> usize {
        let ledger = self.ledger.lock();
        ledger.entries.iter().filter(|entry| entry.order == order && entry.kind == kind).count()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.release();
    }
}
