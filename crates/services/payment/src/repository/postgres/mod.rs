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
use platform::{inbox, lease, outbox, postgres::Migrations};

pub static MIGRATIONS: Migrations =
    Migrations::new(sqlx::migrate!("../../../migrations/payment"), &[&inbox::TABLE, &lease::TABLE, &outbox::TABLE]);
