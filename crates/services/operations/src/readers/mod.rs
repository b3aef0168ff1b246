//! Readers of the databases of all services, a file per service.
//!
//! Only these files read the schemas of several services. Their statements are plain strings, since no single database
//! could check them at compile time; the tests run each of them.

pub mod assembly;
pub mod console;
pub mod customers;
pub mod delivery;
pub mod intake;
pub mod inventory;
pub mod notification;
pub mod order;
pub mod payment;

use audit::{Facts, facts::Personal};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use platform::server::service::Service;
use sqlx::{
    PgConnection, Postgres,
    postgres::PgArguments,
    query::{QueryAs, QueryScalar},
};
use uuid::Uuid;

/// A statement whose rows are read as `R`.
pub type Query<'q, R> = QueryAs<'q, Postgres, R, PgArguments>;
/// A statement whose rows have one column.
type Scalars<'q, T> = QueryScalar<'q, Postgres, T, PgArguments>;
type Reading<'c> = BoxFuture<'c, anyhow::Result<Facts>>;

/// The reader of one database. The registry lists all.
pub struct Reader {
    pub service: &'static Service,
    /// Reads the facts of an audit.
    pub facts: for<'c> fn(&'c mut PgConnection) -> Reading<'c>,
    /// Reads the facts of one order; `None` if the database has no rows of the shop's orders.
    pub of_order: Option<for<'c> fn(&'c mut PgConnection, Uuid) -> Reading<'c>>,
    /// The work that the service will complete by itself, except publishing its events, each with the query that counts
    /// it. No work is pending if all return 0.
    pub pending: &'static [(&'static str, &'static str)],
    /// The query whose result changes with every business write to the database. It ignores leases, which are renewed
    /// all the time.
    pub fingerprint: &'static str,
}

/// Reads the users of whom a database has stored personal data.
async fn personal(database: &mut PgConnection, users: &'static str, what: &'static str) -> sqlx::Result<Vec<Personal>> {
    let users: Vec<(Uuid, DateTime<Utc>)> = sqlx::query_as(users).fetch_all(database).await?;
    Ok(users.into_iter().map(|(user, since)| Personal { user, what, since }).collect())
}
