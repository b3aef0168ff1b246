//! Payments in PostgreSQL.

mod begin;
mod direct_payments;
mod payments;
mod row;

pub use direct_payments::PgDirectPayments;
pub use payments::PgPayments;
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/payment");
