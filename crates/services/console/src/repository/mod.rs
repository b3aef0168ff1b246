//! Storage in PostgreSQL: the timeline of all orders, and the log of operators' actions.

mod actions;
mod add;
mod timeline;

pub use actions::{Action, NewAction, PgActions};
use sqlx::migrate::Migrator;
pub use timeline::{MAX_RECORDS, PgTimeline, Timeline};

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/console");
