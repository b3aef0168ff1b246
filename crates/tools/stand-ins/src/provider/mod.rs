//! A stand-in for Stripe that keeps its answers under their keys as Stripe does, and misbehaves as it is told to.

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

/// Speaks the part of Stripe's API that makes, finds and refunds charges. Accepts nothing more once it is dropped.
pub struct Provider {
    server: Server,
    ledger: SharedLedger,
}

impl Provider {
    /// One that knows this API key, and has empty books.
    pub async fn start(key: &str) -> anyhow::Result<Self> {
        let ledger = SharedLedger::default();
        let server = Server::start(api::router(key, ledger.clone())).await?;
        Ok(Self { server, ledger })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// What to put before the path of a request, without a slash at the end.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Declines every charge of more than this, in minor units.
    pub fn decline_above(&self, limit: i64) {
        self.ledger.lock().limit = Some(limit);
    }

    /// How it behaves from now on, where no script says otherwise.
    pub fn be(&self, mode: Mode) {
        self.ledger.lock().faults.mode = mode;
    }

    /// The next new charges meet these faults, one each. One that is answered from its key is not new; one of which nothing was done is.
    pub fn script(&self, faults: impl IntoIterator<Item = ProviderFault>) {
        self.ledger.lock().faults.script.extend(faults);
    }

    /// How many requests wait for [`Provider::release`] now. One whose caller is gone no longer does.
    pub fn withheld(&self) -> usize {
        self.ledger.lock().gate.receiver_count()
    }

    /// Gives every answer that is held back. Later ones are held back again.
    pub fn release(&self) {
        // Those who wait see the old gate go.
        self.ledger.lock().gate = watch::Sender::default();
    }

    /// Forgets every key, as Stripe does after a day.
    pub fn forget_keys(&self) {
        self.ledger.lock().answers.clear();
    }

    /// How many new POSTs have met a fault, of a script or of a mode.
    pub fn faults_met(&self) -> usize {
        self.ledger.lock().faults.met
    }

    /// How many POSTs were answered from their key, as repetitions are.
    pub fn replayed(&self) -> usize {
        self.ledger.lock().replayed
    }

    /// What it has done, in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.ledger.lock().entries.clone()
    }

    /// How many charges of this order have succeeded.
    pub fn charges(&self, order: Uuid) -> usize {
        self.count(order, EntryKind::Charge)
    }

    /// How many refunds this order has had.
    pub fn refunds(&self, order: Uuid) -> usize {
        self.count(order, EntryKind::Refund)
    }

    /// The forms that were posted, repetitions too, each with its key under `Idempotency-Key`.
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
