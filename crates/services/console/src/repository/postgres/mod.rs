//! PostgreSQL implementations of the repositories.

mod actions;
mod add;
mod timeline;

pub use actions::PgActions;
use sqlx::migrate::Migrator;
pub use timeline::PgTimeline;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/console");
