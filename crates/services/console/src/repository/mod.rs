//! Storage in PostgreSQL: the timeline of all orders, and each one's latest receipt. The table `actions` is left from
//! earlier releases.

mod add;
mod receipts;
mod timeline;

pub use receipts::{Issued, PgReceipts};
use sqlx::migrate::Migrator;
pub use timeline::{MAX_RECORDS, PgTimeline, Timeline};

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/console");
