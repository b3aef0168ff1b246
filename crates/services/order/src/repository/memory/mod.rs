//! In-memory implementations of the repositories, for tests and the simulation.

mod attempts;
mod checkouts;
mod deliveries;
mod idempotency_keys;
mod orders;
mod payment_events;
mod status_cache;
mod tables;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contracts::ids::OrderId;
use platform::{clock::Virtual, inbox::MemoryInbox, outbox::MemoryOutbox};

pub use self::status_cache::MemoryStatusCache;
use self::tables::Tables;
use crate::model::{AttemptLease, Event, Order};

/// All repositories over tables behind a mutex. Clones share the tables.
#[derive(Clone, Default)]
pub struct MemoryOrders {
    tables: Arc<Mutex<Tables>>,
    pub inbox: MemoryInbox,
    pub outbox: MemoryOutbox,
    clock: Virtual,
}

impl MemoryOrders {
    pub fn all(&self) -> Vec<Order> {
        self.tables().orders.values().map(|row| row.order.clone()).collect()
    }

    /// Returns the newest lease on the order's attempt in progress.
    pub fn current_lease(&self, order: OrderId) -> Option<AttemptLease> {
        self.tables().orders.get(&order)?.lease()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: &Event) {
        self.outbox.insert(event.into());
    }
}
