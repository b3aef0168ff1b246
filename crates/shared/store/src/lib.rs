//! PostgreSQL and Redis for services: every wait is bounded, every outage ends without a restart, and errors say
//! whether a retry can succeed.
//!
//! It is below `events`, `edge` and `platform` and above `base`; services use it as `platform::postgres` and
//! `platform::redis`. It holds no statement of a service, only those of the tables that several services have, which
//! the crate `outbox` defines.
//!
//! PostgreSQL, in [`postgres`]:
//!
//! - [`Database`](postgres::Database) is a pool and an executor of statements. [`watch`](postgres::watch) checks the
//!   server each second, so that a lost path costs only the statements that use it.
//! - [`migrate`](fn@postgres::migrate) applies migrations under a lock, in one replica at a time;
//!   [`migrations`](postgres::migrations) compares, applies and reverts them.
//! - [`DatabaseError`](postgres::DatabaseError) is unavailable, refused or inconsistent. It is also a gRPC status,
//!   since a crate above could not define that.
//! - [`fetch_each`](postgres::fetch_each) and [`Halves`](postgres::Halves) keep one broken row from stopping others;
//!   [`outbox_of`](postgres::outbox_of) and [`SkippedEvents`](postgres::SkippedEvents) use the shared tables.
//!
//! Redis, in [`redis`]: a [`Connection`](redis::Connection) that is replaced when its server is silent or no longer the
//! primary, and its own [`watch`](redis::watch). The caller says which [`Authorities`](redis::Authorities) it trusts.
//!
//! ```no_run
//! use store::postgres::{Database, DatabaseError};
//!
//! async fn notes(database: &Database) -> Result<i64, DatabaseError> {
//!     Ok(sqlx::query_scalar("select count(*) from notes").fetch_one(database).await?)
//! }
//!
//! # async fn example() -> anyhow::Result<()> {
//! let url = "postgres://notes@127.0.0.1/notes".into();
//! let database = Database::lazy("notes", "NOTES_DATABASE_URL", &url, 8)?;
//! println!("{} notes", notes(&database).await?);
//! # Ok(())
//! # }
//! ```

pub mod postgres;
pub mod redis;
