//! The repositories over PostgreSQL, a file each.

mod attempts;
mod checkouts;
mod deliveries;
mod idempotency_keys;
mod orders;
mod payment_events;
mod row;
mod settle;

use platform::postgres::Database;
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/order");

#[derive(Clone)]
pub struct PgOrders {
    pool: Database,
}

impl PgOrders {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}
