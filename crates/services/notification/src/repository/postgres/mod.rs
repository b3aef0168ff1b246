//! PostgreSQL implementations of the repositories.

mod notifications;
mod offsets;

pub use notifications::PgNotifications;
pub use offsets::PgOffsets;
use platform::{
    inbox, lease,
    postgres::{Database, Migrations},
};

pub static MIGRATIONS: Migrations =
    Migrations::new(sqlx::migrate!("../../../migrations/notification"), &[&inbox::TABLE, &lease::TABLE]);

/// Disables bitmap scans on the connections that `database` opens from now on: with statistics from a moment when the queue was short, the
/// planner prefers a bitmap of all of a chat's rows and a sort to reading the first hundred in index order.
pub fn prefer_index_scans(database: &Database) {
    database.set([("enable_bitmapscan", "off")]);
}
