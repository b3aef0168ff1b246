//! A stand-in for Stripe that is idempotent like Stripe, and injects faults on request.

mod api;
mod entry;
mod fault;
mod idempotency;
mod intent;
mod ledger;
mod request;
mod response;

use std::{collections::HashMap, net::SocketAddr};

use tokio::sync::watch;
use uuid::Uuid;

use self::ledger::SharedLedger;
pub use self::{
    entry::{Entry, EntryKind},
    fault::{Mode, ProviderFault},
};
use crate::server::Server;

/// Serves the part of Stripe's API that creates, finds and refunds charges, until it is dropped.
pub struct Provider {
    server: Server,
    ledger: SharedLedger,
}

impl Provider {
    /// A provider with this API key and an empty ledger.
    pub async fn start(key: &str) -> anyhow::Result<Self> {
        let ledger = SharedLedger::default();
        let server = Server::start(api::router(key, ledger.clone())).await?;
        Ok(Self { server, ledger })
    }

    /// The listen address.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The base URL, without a trailing slash.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Declines every charge above this amount, in minor units.
    pub fn decline_above(&self, limit: i64) {
        self.ledger.lock().limit = Some(limit);
    }

    /// Sets the mode, which applies when the script is empty.
    pub fn be(&self, mode: Mode) {
        self.ledger.lock().faults.mode = mode;
    }

    /// Scripts the faults of the next new charges, one each. A replayed request is not new; a request whose first attempt had no effect is.
    pub fn script(&self, faults: impl IntoIterator<Item = ProviderFault>) {
        self.ledger.lock().faults.script.extend(faults);
    }

    /// How many responses are withheld now. A request whose caller has disconnected no longer counts.
    pub fn withheld(&self) -> usize {
        self.ledger.lock().gate.receiver_count()
    }

    /// Releases every withheld response. Later ones are withheld again.
    pub fn release(&self) {
        // Dropping the old sender wakes the waiting requests.
        self.ledger.lock().gate = watch::Sender::default();
    }

    /// Forgets all idempotency keys, as Stripe does after a day.
    pub fn forget_keys(&self) {
        self.ledger.lock().answers.clear();
    }

    /// How many new POSTs have met a fault, scripted or by mode.
    pub fn faults_met(&self) -> usize {
        self.ledger.lock().faults.met
    }

    /// How many responses were replayed.
    pub fn replayed(&self) -> usize {
        self.ledger.lock().replayed
    }

    /// The ledger in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.ledger.lock().entries.clone()
    }

    /// How many charges of this order have succeeded.
    pub fn charges(&self, order: Uuid) -> usize {
        self.count(order, EntryKind::Charge)
    }

    /// How many refunds this order has received.
    pub fn refunds(&self, order: Uuid) -> usize {
        self.count(order, EntryKind::Refund)
    }

    /// The posted forms, repetitions included, each with its key under `Idempotency-Key`.
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
