//! The PostgreSQL implementations of the stores.

mod catalogue;
mod warehouse;

pub use catalogue::PgCatalogue;
use platform::{inbox, lease, postgres::Migrations};
pub use warehouse::PgWarehouse;

pub static MIGRATIONS: Migrations =
    Migrations::new(sqlx::migrate!("../../../migrations/inventory"), &[&inbox::TABLE, &lease::TABLE]);
