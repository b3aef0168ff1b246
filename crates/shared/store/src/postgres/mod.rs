//! PostgreSQL: a lazy pool with bounded waits, migrations under a lock, and the classification of errors.

mod connections;
mod database;
mod each_row;
mod error;
mod migrate;
pub mod migrations;
mod ping;
mod shared_tables;

pub use group_commit::{GroupCommit, is_contended, is_refused, is_unavailable, retry_stale};

pub use self::{
    connections::DatabaseConfig,
    database::{Database, connect_options},
    each_row::{Halves, fetch_each},
    error::{DatabaseError, consistent, count_from_zero, count_skipped_row, is_permanent},
    migrate::{explain, migrate},
    ping::watch,
    shared_tables::{SkippedEvents, outbox_of},
};
