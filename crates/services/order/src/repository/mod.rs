//! Storage, by aggregate: traits with an implementation over PostgreSQL and an in-memory twin.

mod attempts;
mod idempotency_keys;
mod memory;
mod orders;
mod postgres;

use std::sync::Arc;

pub use attempts::{Attempts, Settlement};
pub use idempotency_keys::IdempotencyKeys;
pub use memory::MemoryOrders;
pub use orders::{Cursor, Orders};
pub use postgres::{MIGRATIONS, PgOrders};

/// The service's repositories, which share one database.
#[derive(Clone)]
pub struct Repositories {
    pub orders: Arc<dyn Orders>,
    pub attempts: Arc<dyn Attempts>,
    pub keys: Arc<dyn IdempotencyKeys>,
}

impl Repositories {
    pub fn new<R: Orders + Attempts + IdempotencyKeys + 'static>(repository: Arc<R>) -> Self {
        Self { orders: repository.clone(), attempts: repository.clone(), keys: repository }
    }
}
