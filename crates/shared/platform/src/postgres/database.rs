//! Connection pool on which every wait has a bound on our side.
//!
//! `statement_timeout` is the server's: it ends no wait for an answer that is lost on its way. And sqlx pings each connection that
//! comes back to its pool without a bound, so that a connection whose path is lost stays with its statement, or with that ping, for
//! as long as TCP retries. So a connection is lent to one statement under a deadline, and closed unless it was answered in time.

use std::{cell::Cell, str::FromStr as _, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures::{
    FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, Describe, Either, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    path::{Path, Unanswered, Use},
    tls,
};

tokio::task_local! {
    /// The time at which the connection being acquired was made; `None` for a new one.
    static MADE: Cell<Option<Instant>>;
}

/// The time limit for waiting for a turn, and again for making a connection.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// The server ends a statement that runs longer, and a client's lost transaction with it. In milliseconds.
const STATEMENT_TIMEOUT: &str = "5000";
/// An answer that has not come by now is lost: the server would have ended the statement before.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);
/// A server that does not answer a ping for this long is unreachable. A statement may take longer.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Parses the connection options of a URL, with TLS as strict as the URL requests. `variable` names the URL in errors.
pub fn connect_options(variable: &str, url: &str) -> anyhow::Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url).ok().with_context(|| {
        format!("{variable}: is not a PostgreSQL URL such as postgres://user:password@host:5432/database")
    })?;
    Ok(tls::strict(variable, url, options)?)
}

/// One PostgreSQL database, as an executor of statements: a pool whose connections are made when they are needed.
#[derive(Clone, Debug)]
pub struct Database {
    pool: PgPool,
    /// One permit per connection of the pool. sqlx has one time limit for waiting for a place in the pool and for connecting: if many
    /// statements wait, as after an outage, each would get its place when no time is left to connect, and no connection would ever be made.
    turns: Arc<Semaphore>,
    path: Path,
}

impl Database {
    /// Creates a pool of at most `size` connections with the application name `application`. `variable` names the URL in errors.
    pub fn lazy(application: &str, variable: &str, url: &SecretString, size: u32) -> anyhow::Result<Self> {
        Ok(Self::with(connect_options(variable, url.expose_secret())?.application_name(application), size))
    }

    /// Creates a pool of at most `size` connections with these options and our settings.
    fn with(options: PgConnectOptions, size: u32) -> Self {
        let options = options
            .options([
                ("statement_timeout", STATEMENT_TIMEOUT),
                ("idle_in_transaction_session_timeout", STATEMENT_TIMEOUT),
                // A server that lost its client lets go of the client's locks soon.
                ("tcp_keepalives_idle", "5"),
                ("tcp_keepalives_interval", "2"),
                ("tcp_keepalives_count", "3"),
                ("tcp_user_timeout", "10000"),
            ])
            .log_statements(tracing::log::LevelFilter::Trace)
            .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(1));
        let path = Path::default();
        let known = path.clone();
        let pool = PgPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // A stale connection costs one failed statement, not each statement a round trip.
            .test_before_acquire(false)
            .before_acquire(move |_, connection| {
                let made = Instant::now().checked_sub(connection.age);
                let is_usable = made.is_some_and(|made| !known.is_stale(made));
                let _ = MADE.try_with(|slot| slot.set(made.filter(|_| is_usable)));
                Box::pin(async move { Ok(is_usable) })
            })
            .idle_timeout(Duration::from_mins(1))
            .connect_lazy_with(options);
        let turns = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { pool, turns, path }
    }

    /// Sets parameters of the server, such as `enable_seqscan`, for connections that are opened from now on. Open ones keep theirs.
    pub fn set<const N: usize>(&self, settings: [(&str, &str); N]) {
        self.pool.set_connect_options(self.connect_options().as_ref().clone().options(settings));
    }

    /// Makes the planner avoid sequential scans and merge joins on connections opened from now on; for a service whose statements all have
    /// a matching index. A plan is cached as long as its connection lives, or until the table is analysed: a plan made while the table was
    /// empty would scan the whole table, and take longer the more the table grows.
    #[must_use]
    pub fn keeping_to_indexes(self) -> Self {
        self.set([("enable_seqscan", "off"), ("enable_mergejoin", "off")]);
        self
    }

    pub fn connect_options(&self) -> Arc<PgConnectOptions> {
        self.pool.connect_options()
    }

    /// Opens a connection outside the pool, for work that exceeds the time limit of the pool's statements.
    pub async fn connect(&self) -> sqlx::Result<PgConnection> {
        let options = self.connect_options();
        tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Begins a transaction for a tool that reads without a time limit: only the beginning has one.
    pub async fn begin_with(&self, statement: &'static str) -> sqlx::Result<Transaction<'static, Postgres>> {
        let begun = tokio::time::timeout(ANSWER_TIMEOUT, self.pool.begin_with(statement));
        begun.await.unwrap_or_else(|_| Err(Unanswered.into()))
    }

    /// Closes the pool, without waiting for long.
    pub async fn close(&self) {
        let _ = tokio::time::timeout(PING_TIMEOUT, self.pool.close()).await;
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    async fn lend(&self) -> sqlx::Result<Lent> {
        let turn = tokio::time::timeout(ACQUIRE_TIMEOUT, self.turns.clone().acquire_owned());
        let turn = turn.await.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let acquired = async { self.pool.acquire().await.map(|connection| (connection, MADE.with(Cell::get))) };
        let (connection, made) = MADE.scope(Cell::new(None), acquired).await?;
        let since = Instant::now();
        let used = Use { made: made.unwrap_or(since), since };
        Ok(Lent { connection: Some((connection, turn)), path: self.path.clone(), used, is_answered: false })
    }
}

/// A connection on loan to one statement. Returned when the statement was answered, else closed: a statement dropped in the middle, by
/// a deadline or by its caller, is never used again and holds no place in the pool.
struct Lent {
    connection: Option<(PoolConnection<Postgres>, OwnedSemaphorePermit)>,
    path: Path,
    used: Use,
    is_answered: bool,
}

impl Lent {
    fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        self.connection.as_mut().map(|(connection, _)| &mut **connection).ok_or(sqlx::Error::PoolClosed)
    }

    /// Records whether the connection can be used again after this statement, and returns the statement's outcome.
    fn settle<T>(&mut self, outcome: Result<sqlx::Result<T>, Unanswered>) -> sqlx::Result<T> {
        let outcome = outcome.unwrap_or_else(|unanswered| Err(unanswered.into()));
        self.is_answered = match &outcome {
            Ok(_) => true,
            // After these the connection cannot be trusted.
            Err(error) => !matches!(
                error,
                sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed
            ),
        };
        outcome
    }

    fn path(&self) -> (Path, Use) {
        (self.path.clone(), self.used)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some((mut connection, turn)) = self.connection.take() else { return };
        match Handle::try_current() {
            Ok(runtime) if self.is_answered => {
                let path = self.path.clone();
                runtime.spawn(async move {
                    let since = Instant::now();
                    // What sqlx does by itself when it is dropped, but with a bound. Dropped, it closes the connection.
                    if tokio::time::timeout(PING_TIMEOUT, connection.return_to_pool()).await.is_err() {
                        path.is_stale_since(since);
                    }
                    drop(turn);
                });
            }
            // Not `close_on_drop`, which says goodbye first and keeps the place in the pool until then.
            _ => drop(connection.detach()),
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
            let (path, used) = lent.path();
            let steps: Vec<_> = {
                let answer = lent.connection()?.fetch_many(query).try_collect();
                let outcome = path.answered(used, ANSWER_TIMEOUT, answer).await;
                lent.settle(outcome)?
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
            let (path, used) = lent.path();
            let outcome = path.answered(used, ANSWER_TIMEOUT, lent.connection()?.fetch_optional(query)).await;
            lent.settle(outcome)
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
            let (path, used) = lent.path();
            let outcome = path.answered(used, ANSWER_TIMEOUT, lent.connection()?.prepare_with(sql, parameters)).await;
            lent.settle(outcome)
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
            let (path, used) = lent.path();
            let outcome = path.answered(used, ANSWER_TIMEOUT, lent.connection()?.describe(sql)).await;
            lent.settle(outcome)
        }
        .boxed()
    }
}
