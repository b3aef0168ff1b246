//! Storage in PostgreSQL: the timeline of all orders. The table `actions` is left from earlier releases.

mod add;
mod timeline;

use sqlx::migrate::Migrator;
pub use timeline::{MAX_RECORDS, PgTimeline, Timeline};

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/console");
