//! The PostgreSQL implementations of the repositories.

mod attempts;
mod deliveries;
mod grouped;
mod idempotency_keys;
mod orders;
mod row;
mod settle;

use platform::postgres::{Database, GroupCommit, SkippedEvents};
use sqlx::migrate::Migrator;

pub use deliveries::{Addresses, TEXTS_OF_ENDED_ORDERS};
use grouped::{
    attempts::{NewAttempt, PaidAttempt},
    orders::{Completion, Creation, LookUp},
};
use row::OrderRow;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/order");

#[derive(Clone)]
pub struct PgOrders {
    pool: Database,
    skipped: SkippedEvents,
    reads: GroupCommit<LookUp, Option<OrderRow>>,
    creations: GroupCommit<Creation, Option<OrderRow>>,
    attempts: GroupCommit<NewAttempt, Option<OrderRow>>,
    payments: GroupCommit<PaidAttempt, Option<bool>>,
    assemblies: GroupCommit<Completion, Option<bool>>,
}

impl PgOrders {
    pub fn new(pool: Database) -> Self {
        Self {
            skipped: SkippedEvents::new(pool.clone()),
            reads: GroupCommit::read_only("find_orders", pool.clone(), LookUp::key, grouped::orders::find),
            creations: GroupCommit::by_key("create_orders", pool.clone(), Creation::order, grouped::orders::create),
            attempts: GroupCommit::by_key(
                "begin_attempts",
                pool.clone(),
                |request: &NewAttempt| request.order,
                grouped::attempts::begin,
            ),
            payments: GroupCommit::by_key("pay_orders", pool.clone(), PaidAttempt::order, grouped::attempts::paid),
            assemblies: GroupCommit::by_key(
                "assemble_orders",
                pool.clone(),
                |request: &Completion| request.order,
                grouped::orders::assemble,
            ),
            pool,
        }
    }
}
