//! The PostgreSQL implementations of the stores.

mod begin;
mod direct_payments;
mod grouped;
mod payments;
mod row;

pub use direct_payments::PgDirectPayments;
pub use payments::PgPayments;
use platform::{inbox, lease, outbox, postgres::Migrations};

pub static MIGRATIONS: Migrations =
    Migrations::new(sqlx::migrate!("../../../migrations/payment"), &[&inbox::TABLE, &lease::TABLE, &outbox::TABLE]);
