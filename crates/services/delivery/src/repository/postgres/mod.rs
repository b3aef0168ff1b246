//! The repository in PostgreSQL.

mod couriers;
mod deliveries;
mod dispatch;
mod row;

pub use deliveries::{EARLY_BATCH, remove_early};
use platform::{
    inbox, lease, outbox,
    postgres::{Database, Migrations},
};

pub static MIGRATIONS: Migrations =
    Migrations::new(sqlx::migrate!("../../../migrations/delivery"), &[&inbox::TABLE, &lease::TABLE, &outbox::TABLE]);

/// The lease of the replica that moves the couriers.
pub const LEASE: &str = "move-couriers";

#[derive(Clone)]
pub struct PgRepository {
    pool: Database,
}

impl PgRepository {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}
