//! The PostgreSQL connection pool, [`Database`]. This process limits every wait for a connection or a response.
//!
//! The server enforces `statement_timeout`, which does not help if its response is lost on the network. So each
//! statement also has a deadline here, and its connection is closed unless the response came in time. The pool is
//! `deadpool`'s, since sqlx's own pings each returned connection, which is a round trip per statement (decision 48).

use std::{str::FromStr as _, sync::Arc, time::Duration};

use anyhow::Context as _;
use deadpool::{
    Runtime,
    managed::{Object, Pool, PoolError, QueueMode},
};
use futures::{
    FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _,
    future::{BoxFuture, join_all},
    stream::{self, BoxStream},
};
use group_commit::is_stale;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, Connection as _, Describe, Either, Execute, Executor, PgConnection, Postgres, SqlStr,
    postgres::{PgConnectOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use tokio::time::{Instant, timeout};

use super::connections::{Connections, Path, Unanswered, Use, strict};

/// The time limit for waiting for a connection of the pool, and again for opening one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// In milliseconds. The server ends a statement after this time, and a transaction whose client was idle for this long.
const STATEMENT_TIMEOUT: &str = "5000";
/// In milliseconds. The server ends a statement that waits this long for one lock. Statements hold their locks for some
/// milliseconds, and for some tens of them during a disk flush.
const LOCK_TIMEOUT: &str = "200";
/// A response counts as lost after this time, since the server would have ended the statement earlier.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(6);
/// An idle connection is closed this long after its last use.
const MAX_IDLE_TIME: Duration = Duration::from_mins(1);
/// The time limit for closing connections gracefully.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Parses a URL, with TLS as strict as it requests. Errors name `variable`.
pub fn connect_options(variable: &str, url: &str) -> anyhow::Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url).ok().with_context(|| {
        format!("{variable}: is not a PostgreSQL URL such as postgres://user:password@host:5432/database")
    })?;
    Ok(strict(variable, url, options)?)
}

/// One PostgreSQL database, as an executor of statements: a pool that opens connections when they are needed. Clones
/// share it.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool<Connections>,
}

impl Database {
    /// Creates a pool of at most `size` connections with the application name `application`. `variable` names the URL
    /// in errors.
    pub fn lazy(application: &str, variable: &str, url: &SecretString, size: u32) -> anyhow::Result<Self> {
        let options = connect_options(variable, url.expose_secret())?
            .application_name(application)
            .options([
                ("statement_timeout", STATEMENT_TIMEOUT),
                ("lock_timeout", LOCK_TIMEOUT),
                ("idle_in_transaction_session_timeout", STATEMENT_TIMEOUT),
                // Lets the server soon release the locks of a lost client.
                ("tcp_keepalives_idle", "5"),
                ("tcp_keepalives_interval", "2"),
                ("tcp_keepalives_count", "3"),
                ("tcp_user_timeout", "10000"),
            ])
            .log_statements(tracing::log::LevelFilter::Trace)
            .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(1));
        let pool = Pool::builder(Connections::new(options))
            .max_size(usize::try_from(size)?)
            // The most recently used connection is used next, so that surplus ones become idle.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(ACQUIRE_TIMEOUT))
            .create_timeout(Some(ACQUIRE_TIMEOUT))
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self { pool })
    }

    /// Sets parameters of the server, such as `enable_seqscan`, for new connections.
    pub fn set<const N: usize>(&self, settings: [(&str, &str); N]) {
        self.pool.manager().set(settings);
    }

    /// Makes plans independent of statistics and arguments, on connections opened from now on; for a service whose
    /// statements all have a matching index.
    ///
    /// - No sequential scans and no merge joins: a plan is cached as long as its connection lives, or until the table
    ///   is analysed. A plan made while the table was empty would scan the whole table, and take longer as the table
    ///   grows (decision 45).
    /// - A statement is planned once per connection. PostgreSQL would plan many statements for the arguments of each
    ///   execution, which takes longer than the execution (decision 45).
    #[must_use]
    pub fn with_stable_plans(self) -> Self {
        self.set([("enable_seqscan", "off"), ("enable_mergejoin", "off"), ("plan_cache_mode", "force_generic_plan")]);
        self
    }

    pub fn connect_options(&self) -> Arc<PgConnectOptions> {
        self.pool.manager().options()
    }

    /// Opens a connection outside the pool: for transactions of several statements, and for work that exceeds the
    /// pool's time limits.
    pub async fn connect(&self) -> sqlx::Result<PgConnection> {
        let options = self.connect_options();
        timeout(ACQUIRE_TIMEOUT, options.connect()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Closes the pool within a time limit: idle connections now, others when their statements end.
    pub async fn close(&self) {
        let idle = self.pool.retain(|_, _| false).removed;
        self.pool.close();
        close_all(idle).await;
    }

    /// Closes connections that were idle for [`MAX_IDLE_TIME`], in the background.
    pub(super) fn close_idle(&self) {
        let idle = self.pool.retain(|_, metrics| metrics.last_used() < MAX_IDLE_TIME).removed;
        if !idle.is_empty() {
            tokio::spawn(close_all(idle));
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.pool.manager().path
    }

    async fn lend(&self) -> sqlx::Result<Lent> {
        let connection = self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Timeout(_) => sqlx::Error::PoolTimedOut,
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => sqlx::Error::PoolClosed,
        })?;
        let used = Use { made: Object::metrics(&connection).created.into(), since: Instant::now() };
        Ok(Lent { connection: Some(connection), used, is_answered: false })
    }
}

async fn close_all(connections: Vec<PgConnection>) {
    let _ = timeout(CLOSE_TIMEOUT, join_all(connections.into_iter().map(PgConnection::close))).await;
}

/// A connection while one statement uses it. On drop it returns to the pool if the statement was answered. Otherwise
/// (after a deadline, or if the caller dropped the statement) its state is unknown, and it is closed.
struct Lent {
    connection: Option<Object<Connections>>,
    used: Use,
    is_answered: bool,
}

impl Lent {
    fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Records whether this connection, and others at least as old, can be used again. Returns the statement's outcome.
    fn settle<T>(&mut self, path: &Path, outcome: Result<sqlx::Result<T>, Unanswered>) -> sqlx::Result<T> {
        let Ok(outcome) = outcome else { return Err(Unanswered.into()) };
        self.is_answered = !outcome.as_ref().is_err_and(is_stale);
        if !self.is_answered {
            path.is_stale_since(Instant::now());
        }
        outcome
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && !self.is_answered
        {
            drop(Object::take(connection));
        }
    }
}

impl<'p> Executor<'p> for &'_ Database {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        E: 'q + Execute<'q, Postgres>,
    {
        let database = self.clone();
        let steps = async move {
            let mut lent = database.lend().await?;
            let (path, used) = (database.path(), lent.used);
            let steps: Vec<_> = {
                let response = lent.connection()?.fetch_many(query).try_collect();
                let outcome = path.answered(used, RESPONSE_TIMEOUT, response).await;
                lent.settle(path, outcome)?
            };
            Ok(stream::iter(steps.into_iter().map(Ok)))
        };
        steps.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        E: 'q + Execute<'q, Postgres>,
    {
        let database = self.clone();
        async move {
            let mut lent = database.lend().await?;
            let (path, used) = (database.path(), lent.used);
            let outcome = path.answered(used, RESPONSE_TIMEOUT, lent.connection()?.fetch_optional(query)).await;
            lent.settle(path, outcome)
        }
        .boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'p: 'e,
    {
        let database = self.clone();
        async move {
            let mut lent = database.lend().await?;
            let (path, used) = (database.path(), lent.used);
            let outcome = path.answered(used, RESPONSE_TIMEOUT, lent.connection()?.prepare_with(sql, parameters)).await;
            lent.settle(path, outcome)
        }
        .boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'p: 'e,
    {
        let database = self.clone();
        async move {
            let mut lent = database.lend().await?;
            let (path, used) = (database.path(), lent.used);
            let outcome = path.answered(used, RESPONSE_TIMEOUT, lent.connection()?.describe(sql)).await;
            lent.settle(path, outcome)
        }
        .boxed()
    }
}
