//! PostgreSQL: a pool that connects when it is used, migrations under a lock, and what an error means.

use std::{str::FromStr as _, time::Duration};

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio_util::sync::CancellationToken;

pub use crate::postgres_errors::{is_permanent, is_refused, is_unavailable};
use crate::{health::Condition, retry};

/// How long a request waits for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// The server ends a statement that runs longer, and a client's lost transaction with it.
const STATEMENT_TIMEOUT: &str = "5000";

/// A pool of at most `size` connections that are made when they are needed. `variable` names the URL in errors.
pub fn lazy_pool(variable: &str, url: &SecretString, size: u32) -> anyhow::Result<PgPool> {
    let options = PgConnectOptions::from_str(url.expose_secret())
        .ok()
        .with_context(|| {
            format!("{variable}: is not a PostgreSQL URL such as postgres://user:password@host:5432/database")
        })?
        .application_name(env!("CARGO_PKG_NAME"))
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
    Ok(PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A stale connection costs one failed statement, not each statement a round trip.
        .test_before_acquire(false)
        .idle_timeout(Duration::from_mins(1))
        .connect_lazy_with(options))
}

/// Waits for the server and brings the schema up to date, under a lock so that replicas take turns.
///
/// Fails only when a migration itself is wrong; a server that is unavailable or refuses this service is asked again until `stop`.
pub async fn migrate(pool: &PgPool, migrator: &Migrator, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut pauses = retry::patient();
    loop {
        let attempt = async {
            let mut connection = pool.acquire().await?;
            // Waiting for another replica's migrations may take long.
            sqlx::query("set statement_timeout = 0").execute(&mut *connection).await?;
            // `run` would do, but the compiler cannot tell that its future may move between threads.
            let outcome = migrator.run_direct(None, &mut *connection, false).await;
            connection.close().await?;
            outcome
        };
        let error = tokio::select! {
            outcome = attempt => match outcome {
                Ok(()) => return Ok(()),
                Err(error) => error,
            },
            () = stop.cancelled() => return Ok(()),
        };
        use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
        match &error {
            Execute(cause) | ExecuteMigration(cause, _) if is_refused(cause) => {
                tracing::error!(%error, "PostgreSQL refuses this service; check its database URL and its role's rights; retrying");
            }
            Execute(cause) | ExecuteMigration(cause, _) if is_unavailable(cause) => {
                tracing::warn!(%error, "PostgreSQL is unavailable; retrying");
            }
            _ => return Err(error).context("migrating the database"),
        }
        tokio::time::sleep(pauses.next().unwrap_or(ACQUIRE_TIMEOUT)).await;
    }
}

/// Keeps a readiness condition true to whether the database answers, asking every second.
pub async fn watch(pool: PgPool, reachable: Condition, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let mut answer = ping(&pool).await;
        if answer == Ping::Failed {
            // After a restart each idle connection is stale and fails one statement: better these than a request's.
            for _ in 0..pool.num_idle() {
                answer = ping(&pool).await;
            }
        }
        reachable.set(answer == Ping::Answered);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ping {
    Answered,
    Failed,
    Hung,
}

async fn ping(pool: &PgPool) -> Ping {
    match tokio::time::timeout(ACQUIRE_TIMEOUT, sqlx::query("select 1").execute(pool)).await {
        Ok(Ok(_)) => Ping::Answered,
        Ok(Err(_)) => Ping::Failed,
        Err(_) => Ping::Hung,
    }
}

/// Runs a statement that may be repeated, once more when a stale connection failed it.
pub async fn retry_stale<T, F>(statement: impl Fn() -> F) -> sqlx::Result<T>
where
    F: Future<Output = sqlx::Result<T>>,
{
    match statement().await {
        Err(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) => statement().await,
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("57P01") => statement().await,
        outcome => outcome,
    }
}
