//! The connection pool, as this crate uses it.

use futures::{FutureExt as _, TryFutureExt as _, future::BoxFuture};
use sqlx::{
    Executor, Postgres,
    postgres::{PgArguments, PgRow},
    query,
};

/// A statement with its arguments.
pub type Query = query::Query<'static, Postgres, PgArguments>;

/// A connection pool: sqlx's `PgPool`, or any other type whose reference is an executor of statements. Every such type
/// implements this trait. Limit its waits: a statement without a time limit can block the relay.
pub trait Pool: Clone + Send + Sync + 'static {
    /// Returns the number of changed rows.
    fn execute(&self, query: Query) -> BoxFuture<'_, sqlx::Result<u64>>;

    fn rows(&self, query: Query) -> BoxFuture<'_, sqlx::Result<Vec<PgRow>>>;

    fn row(&self, query: Query) -> BoxFuture<'_, sqlx::Result<Option<PgRow>>>;
}

impl<P> Pool for P
where
    P: Clone + Send + Sync + 'static,
    for<'c> &'c P: Executor<'c, Database = Postgres>,
{
    fn execute(&self, query: Query) -> BoxFuture<'_, sqlx::Result<u64>> {
        Executor::execute(self, query).map_ok(|done| done.rows_affected()).boxed()
    }

    fn rows(&self, query: Query) -> BoxFuture<'_, sqlx::Result<Vec<PgRow>>> {
        Executor::fetch_all(self, query)
    }

    fn row(&self, query: Query) -> BoxFuture<'_, sqlx::Result<Option<PgRow>>> {
        Executor::fetch_optional(self, query)
    }
}
