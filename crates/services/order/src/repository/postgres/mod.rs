//! The PostgreSQL implementations of the repositories, one per file.

mod addresses;
mod attempts;
mod checkouts;
mod deliveries;
mod grouped;
mod idempotency_keys;
mod orders;
mod payment_events;
mod row;
mod settle;

use platform::{
    inbox::SkippedEvents,
    postgres::{Database, GroupCommit},
};
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/order");

pub use addresses::Addresses;

use self::row::Row;

#[derive(Clone)]
pub struct PgOrders {
    pool: Database,
    skipped: SkippedEvents,
    reads: GroupCommit<grouped::find::Request, Option<Row>>,
    creations: GroupCommit<grouped::create::Request, Option<Row>>,
    attempts: GroupCommit<grouped::begin::Request, Option<Row>>,
    payments: GroupCommit<grouped::paid::Request, Option<bool>>,
    assemblies: GroupCommit<grouped::assemble::Request, Option<bool>>,
}

impl PgOrders {
    pub fn new(pool: Database) -> Self {
        use grouped::{assemble, begin, create, find, paid};
        Self {
            skipped: SkippedEvents::new(pool.clone()),
            reads: GroupCommit::reading("find_orders", pool.clone(), find::Request::key, find::find),
            creations: GroupCommit::by_key("create_orders", pool.clone(), create::Request::order, create::create),
            attempts: GroupCommit::by_key(
                "begin_attempts",
                pool.clone(),
                |request: &begin::Request| request.order,
                begin::begin,
            ),
            payments: GroupCommit::by_key("pay_orders", pool.clone(), paid::Request::order, paid::paid),
            assemblies: GroupCommit::by_key(
                "assemble_orders",
                pool.clone(),
                |request: &assemble::Request| request.order,
                assemble::assemble,
            ),
            pool,
        }
    }
}
