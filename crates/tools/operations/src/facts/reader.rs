//! What the tools read from the database of one service.

use audit::Facts;
use futures::future::BoxFuture;
use platform::server::service::Service;
use sqlx::PgConnection;
use uuid::Uuid;

type Reading<'c> = BoxFuture<'c, anyhow::Result<Facts>>;

/// The reader of one database. The [registry](crate::registry) has one of each service with facts.
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
