//! Use cases: store orders from the topic, show, list, place and erase orders.

mod cache;
mod orders;

use std::sync::Arc;

pub use cache::Cache;
pub use orders::{Shown, Source, read};
use platform::slots::Slots;
use tokio::sync::Semaphore;

use crate::{client::Topic, repository::Orders};

/// Limits the look-up of one order in the database.
const LOOKUP_TIMEOUT: std::time::Duration = std::time::Duration::from_millis(1_500);

#[derive(Clone)]
pub struct IntakeService {
    orders: Arc<dyn Orders>,
    topic: Arc<dyn Topic>,
    cache: Cache,
    /// A slot for each concurrent look-up in the database. Their number has no bound until the API sets one.
    lookups: Slots,
}

impl IntakeService {
    pub fn new(orders: Arc<dyn Orders>, topic: Arc<dyn Topic>, cache: Cache) -> Self {
        Self { orders, topic, cache, lookups: Slots::new(Semaphore::MAX_PERMITS) }
    }

    /// Makes each look-up of an order in the database take one of `lookups`.
    #[must_use]
    pub fn with_lookups(self, lookups: Slots) -> Self {
        Self { lookups, ..self }
    }
}
