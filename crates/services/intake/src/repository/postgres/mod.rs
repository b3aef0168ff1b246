//! The repository in PostgreSQL.

mod insert;
mod orders;

pub use orders::{ERASE_BATCH, TOMBSTONE_BATCH, erase_older, remove_tombstones};
use platform::postgres::Database;
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/intake");

#[derive(Clone)]
pub struct PgOrders {
    pool: Database,
}

impl PgOrders {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}
