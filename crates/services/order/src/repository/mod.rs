//! The repositories: traits, each with an implementation over PostgreSQL or Redis and an in-memory implementation.

mod attempts;
mod checkouts;
mod deliveries;
mod idempotency_keys;
mod memory;
mod orders;
mod payment_events;
mod postgres;
mod redis;
mod status_cache;

use std::sync::Arc;

pub use attempts::{Attempts, LONG_UNSETTLED_TRIES, Settlement};
pub use checkouts::{Checkouts, Quote};
pub use deliveries::Deliveries;
pub use idempotency_keys::IdempotencyKeys;
pub use memory::{MemoryOrders, MemoryStatusCache};
pub use orders::{OVERDUE_TAKEN_FOR, Orders, UNPAID_COUNTS_FOR, UnpaidLimits};
pub use payment_events::{PaymentEvents, ReportedEnd};
pub use postgres::{Addresses, MIGRATIONS, PgOrders};
pub use redis::RedisStatusCache;
pub use status_cache::{CachedStatus, Lookup, StatusCache, StatusKey, StatusKind};

/// The repositories of the service. They share one database.
#[derive(Clone)]
pub struct Repositories {
    pub orders: Arc<dyn Orders>,
    pub attempts: Arc<dyn Attempts>,
    pub keys: Arc<dyn IdempotencyKeys>,
    pub payment_events: Arc<dyn PaymentEvents>,
    pub checkouts: Arc<dyn Checkouts>,
}

impl Repositories {
    pub fn new<R>(repository: Arc<R>) -> Self
    where
        R: Orders + Attempts + IdempotencyKeys + PaymentEvents + Checkouts + 'static,
    {
        Self {
            orders: repository.clone(),
            attempts: repository.clone(),
            keys: repository.clone(),
            payment_events: repository.clone(),
            checkouts: repository,
        }
    }
}
