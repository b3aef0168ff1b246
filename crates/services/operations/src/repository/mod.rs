//! Storage in PostgreSQL: the log of operators' actions.

mod actions;

pub use actions::{Action, PgActions};
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/operations");
