//! PostgreSQL: a lazy pool with bounded waits, migrations under a lock, and the classification of errors.

mod connections;
mod database;
mod each_row;
mod error;
mod group_commit;
mod migrate;
pub mod migrations;
mod network_path;
mod notifications;

pub(crate) use self::error::count_from_zero;
pub use self::{
    connections::DatabaseConfig,
    database::{Database, connect_options},
    each_row::{Halves, fetch_each},
    error::{DatabaseError, consistent, count_skipped_row, is_contended, is_permanent, is_refused, is_unavailable},
    group_commit::GroupCommit,
    migrate::{explain, migrate},
    network_path::watch,
    notifications::Listener,
};

/// Runs a repeatable statement, and once more on a new connection if the first was stale.
pub async fn retry_stale<T, F>(statement: impl Fn() -> F) -> sqlx::Result<T>
where
    F: Future<Output = sqlx::Result<T>>,
{
    match statement().await {
        // After a timeout the caller has waited long enough.
        Err(sqlx::Error::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut => Err(sqlx::Error::Io(error)),
        Err(error) if error::is_stale(&error) => statement().await,
        outcome => outcome,
    }
}
