//! The PostgreSQL implementation of the store.

mod begin;
mod find;
mod grouped;
mod partial_refunds;
mod payments;
mod provider_states;
mod requests;
mod row;

pub use payments::PgPayments;
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/payment");
