//! PostgreSQL implementations of the repositories.

mod actions;
mod add;
mod timeline;

pub use actions::PgActions;
use platform::{lease, postgres::Migrations};
pub use timeline::PgTimeline;

pub static MIGRATIONS: Migrations = Migrations::new(sqlx::migrate!("../../../migrations/console"), &[&lease::TABLE]);
