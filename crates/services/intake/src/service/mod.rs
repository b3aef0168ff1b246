//! Use cases: store orders from the topic, show, place and erase orders.

mod cache;
mod erase;
mod place;
mod show;
mod take;

use std::sync::Arc;

pub use cache::Cache;
pub use show::{Shown, Source};
pub use take::read;

use crate::{client::Topic, repository::Orders};

/// Limits the look-up of one order in the database.
const LOOKUP_TIMEOUT: std::time::Duration = std::time::Duration::from_millis(1_500);

#[derive(Clone)]
pub struct IntakeService {
    orders: Arc<dyn Orders>,
    topic: Arc<dyn Topic>,
    cache: Cache,
}

impl IntakeService {
    pub fn new(orders: Arc<dyn Orders>, topic: Arc<dyn Topic>, cache: Cache) -> Self {
        Self { orders, topic, cache }
    }
}
