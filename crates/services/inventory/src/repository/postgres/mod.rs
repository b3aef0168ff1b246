//! The PostgreSQL implementations of the stores.

mod catalogue;
mod warehouse;

pub use catalogue::PgCatalogue;
use sqlx::migrate::Migrator;
pub use warehouse::PgWarehouse;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/inventory");
