//! A stand-in for Stripe that keeps its answers under their keys as Stripe does, and misbehaves as it is told to.

mod answer;
mod api;
mod books;
mod fault;
mod intent;
mod posts;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use uuid::Uuid;

use self::books::Books;
pub use self::{
    books::{Entry, EntryKind},
    fault::{Mode, ProviderFault},
};
use crate::server::Server;

/// Speaks the part of Stripe's API that makes, finds and refunds charges. Accepts nothing more once it is dropped.
pub struct Provider {
    server: Server,
    books: Shared,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Books>>);

impl Provider {
    /// One that knows this API key, and has empty books.
    pub async fn start(key: &str) -> anyhow::Result<Self> {
        let books = Shared::default();
        let server = Server::start(api::router(key, books.clone())).await?;
        Ok(Self { server, books })
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
        self.books.lock().limit = Some(limit);
    }

    /// How it behaves from now on, where no script says otherwise.
    pub fn be(&self, mode: Mode) {
        self.books.lock().faults.mode = mode;
    }

    /// The next new charges meet these faults, one each. One that is answered from its key is not new; one of which nothing was done is.
    pub fn script(&self, faults: impl IntoIterator<Item = ProviderFault>) {
        self.books.lock().faults.script.extend(faults);
    }

    /// How many requests wait for [`Provider::release`] now. One whose caller is gone no longer does.
    pub fn withheld(&self) -> usize {
        self.books.lock().gate.receiver_count()
    }

    /// Gives every answer that is held back. Later ones are held back again.
    pub fn release(&self) {
        // Those who wait see the old gate go.
        self.books.lock().gate = watch::Sender::default();
    }

    /// Forgets every key, as Stripe does after a day.
    pub fn forget_keys(&self) {
        self.books.lock().answers.clear();
    }

    /// How many new POSTs have met a fault, of a script or of a mode.
    pub fn faults_met(&self) -> usize {
        self.books.lock().faults.met
    }

    /// How many POSTs were answered from their key, as repetitions are.
    pub fn replayed(&self) -> usize {
        self.books.lock().replayed
    }

    /// What it has done, in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.books.lock().entries.clone()
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
        self.books.lock().posts.clone()
    }

    fn count(&self, order: Uuid, kind: EntryKind) -> usize {
        let books = self.books.lock();
        books.entries.iter().filter(|entry| entry.order == order && entry.kind == kind).count()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.release();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
