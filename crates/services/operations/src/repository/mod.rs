//! Storage in PostgreSQL: the log of operators' actions, and the resolved dead letters.

mod actions;
pub mod resolved_letters;

pub use actions::{Action, PgActions};
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/operations");
