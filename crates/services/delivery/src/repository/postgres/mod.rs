//! The repository in PostgreSQL.

mod couriers;
mod deliveries;
mod dispatch;
mod early;
mod row;
mod waiting;

use contracts::ids::OrderId;
pub use deliveries::{EARLY_BATCH, remove_early};
use platform::postgres::{Database, GroupCommit, SkippedEvents};
use sqlx::migrate::Migrator;

use self::row::OrderRow;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/delivery");

/// The lease for moving couriers.
pub const LEASE_NAME: &str = "move-couriers";

#[derive(Clone)]
pub struct PgRepository {
    pool: Database,
    skipped: SkippedEvents,
    reads: GroupCommit<OrderId, Option<OrderRow>>,
    early: GroupCommit<early::Request, Option<bool>>,
}

impl PgRepository {
    pub fn new(pool: Database) -> Self {
        Self {
            skipped: SkippedEvents::new(pool.clone()),
            reads: GroupCommit::read_only("find_orders", pool.clone(), |order| *order, deliveries::find),
            early: GroupCommit::by_key("keep_early_events", pool.clone(), early::Request::order, early::keep),
            pool,
        }
    }
}
