//! PostgreSQL implementations of the repositories.

mod notifications;
mod offsets;

pub use notifications::PgNotifications;
pub use offsets::PgOffsets;
use platform::postgres::Database;
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/notification");

/// Disables bitmap and sequential scans on the connections that `database` opens from now on. Every statement here has a matching
/// index; but with statistics from a moment when the queue was short, the planner prefers a bitmap of all of a chat's rows and a sort
/// to reading the first hundred in index order.
pub fn prefer_index_scans(database: &Database) {
    database.set([("enable_bitmapscan", "off"), ("enable_seqscan", "off")]);
}
