//! The repository in PostgreSQL.

mod columns;
mod erase;
mod insert;
mod orders;

pub use erase::{ERASE_BATCH, TOMBSTONE_BATCH, erase_older, remove_tombstones};
use platform::{
    lease,
    postgres::{Database, Migrations},
};

pub static MIGRATIONS: Migrations = Migrations::new(sqlx::migrate!("../../../migrations/intake"), &[&lease::TABLE]);

#[derive(Clone)]
pub struct PgOrders {
    pool: Database,
}

impl PgOrders {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}
