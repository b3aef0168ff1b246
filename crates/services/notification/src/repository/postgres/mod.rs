//! Notifications in PostgreSQL.

mod notifications;
mod offsets;

pub use notifications::PgNotifications;
pub use offsets::PgOffsets;
use platform::postgres::Database;
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/notification");

/// Makes the connections that `database` opens from now on go by indexes. Every statement here has one; but where statistics are of a
/// moment at which the queue was short, a bitmap of all of a chat's rows and a sort look cheaper than its first hundred in order.
pub fn go_by_indexes(database: &Database) {
    database.set([("enable_bitmapscan", "off"), ("enable_seqscan", "off")]);
}
