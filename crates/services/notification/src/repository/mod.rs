//! The repositories in PostgreSQL: the queue of notifications, and the offsets of bots.

mod notifications;
mod offsets;

pub use notifications::PgNotifications;
pub use offsets::PgOffsets;
use platform::postgres::Database;
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/notification");

/// Disables bitmap scans on new connections of `database`. With statistics from a time when the queue was short, the
/// planner would read all rows of a chat by a bitmap scan and sort them. Without bitmap scans, it reads the first
/// in index order.
pub fn prefer_index_scans(database: &Database) {
    database.set([("enable_bitmapscan", "off")]);
}
