//! The PostgreSQL implementation of the store.

mod charges;
mod payments;
mod refunds;
mod row;

use sqlx::migrate::Migrator;

pub use payments::PgPayments;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/payment");
