//! The PostgreSQL implementation of the store.

mod begin;
mod find;
mod partial_refunds;
mod payments;
mod provider_states;
mod requests;
mod row;
mod settle;

pub use payments::PgPayments;
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/payment");
