//! Payments in PostgreSQL.

mod begin;
mod payments;
mod row;

pub use payments::PgPayments;
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/payment");
