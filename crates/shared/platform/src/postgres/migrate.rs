//! Migrates a database. Waits for the server and applies pending migrations, in one replica at a time.

use std::time::Duration;

use anyhow::Context as _;
use sqlx::{
    Connection as _, PgConnection,
    migrate::MigrateError::{self, Execute, ExecuteMigration, VersionMissing},
};
use tokio_util::sync::CancellationToken;

use super::{Database, History, Migrations, is_contended, is_refused, is_unavailable, path::Unanswered, tls};
use crate::retry;

/// How often the connection of a running migration is checked, and the time limit of a single request.
const LOOK: Duration = Duration::from_secs(2);
/// If the server has not worked for the connection of a migration for this long, the connection counts as lost.
const IDLE: Duration = Duration::from_secs(5);
/// The number of consecutive failed checks after which the connection also counts as lost.
const BLIND_LOOKS: u32 = 5;

/// Waits for the server and applies pending migrations, under a lock so that only one replica migrates at a time. If the role of the
/// service may not change tables, waits until the owner of the database has applied them.
///
/// Fails if a migration is wrong, if the server's certificate is not trusted, or if a newer version has migrated the database. If the
/// server is unavailable or refuses this service, retries until `stop`.
pub async fn migrate(database: &Database, migrations: &Migrations, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut pauses = retry::endless_backoff();
    loop {
        tokio::select! {
            outcome = catch_up(database, migrations) => match outcome {
                Ok(()) => return Ok(()),
                Err((error, history)) => judge(error, history, database, migrations).await?,
            },
            () = stop.cancelled() => return Ok(()),
        }
        tokio::select! {
            () = tokio::time::sleep(pauses.next().unwrap_or(LOOK)) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Applies the pending migrations of all histories. An error comes with the table of its history.
async fn catch_up(database: &Database, migrations: &Migrations) -> Result<(), (MigrateError, Option<&'static str>)> {
    // Usually nothing is pending. One request shows it; each history would take a connection, a lock and some eight requests.
    match migrations.are_applied(database).await {
        Ok(true) => return Ok(()),
        // A role that may not migrate must not mistake a server that does not answer for pending migrations.
        Err(error) if is_unavailable(&error) => return Err((Execute(error), None)),
        // A history that does not exist yet is an error, too.
        Ok(false) | Err(_) => {}
    }
    for history in migrations.histories() {
        attempt(database, history).await.map_err(|error| (error, history.table))?;
    }
    Ok(())
}

/// Returns if another attempt may succeed, and fails otherwise.
async fn judge(
    error: MigrateError,
    table: Option<&'static str>,
    database: &Database,
    migrations: &Migrations,
) -> anyhow::Result<()> {
    match &error {
        Execute(cause) | ExecuteMigration(cause, _) if tls::is_untrusted(cause) => {
            let options = database.connect_options();
            let server = format!("PostgreSQL at {}:{}", options.get_host(), options.get_port());
            return Err(error).context(format!("{server} has no TLS or a certificate that is not trusted"));
        }
        Execute(cause) | ExecuteMigration(cause, _) if is_refused(cause) => {
            // A role that does not own the database learns only by reading that a newer version has migrated it.
            if let Ok(Some((table, version))) = migrations.newer(database).await {
                return Err(newer(table, version));
            }
            tracing::error!(
                %error,
                "PostgreSQL refuses this service; check its database URL and its role's rights, or apply pending migrations as the \
                 database's owner with `shipyard migrate up`; retrying"
            );
        }
        Execute(cause) | ExecuteMigration(cause, _) if is_contended(cause) => {
            tracing::info!("the migration waits for another replica, or for a transaction that holds a lock; retrying");
        }
        Execute(cause) | ExecuteMigration(cause, _) if is_unavailable(cause) => {
            tracing::warn!(%error, "PostgreSQL is unavailable; retrying");
        }
        VersionMissing(version) => return Err(newer(table, *version)),
        _ => return Err(error).context("migrating the database"),
    }
    Ok(())
}

/// Returns the error of a database that a newer version of this program has migrated.
fn newer(table: Option<&str>, version: i64) -> anyhow::Error {
    anyhow::anyhow!(
        "the database was migrated by a newer version of this program (migration {version}{}, which this one does not know); \
         run that one, or undo its migrations with its `shipyard migrate down`",
        table.map(|table| format!(" of {table}")).unwrap_or_default()
    )
}

/// Applies the migrations on a connection of its own. Fails if the server no longer works for that connection.
async fn attempt(database: &Database, history: History<'_>) -> Result<(), MigrateError> {
    let mut connection = database.connect().await?;
    // No statement timeout applies, because a migration may take long. It waits for a lock only for a moment, since all statements of the
    // running replicas queue behind it: after that it is tried again.
    let prepared = sqlx::query_scalar(
        "select pg_backend_pid()
        from set_config('statement_timeout', '0', false) as statement, set_config('lock_timeout', '1s', false) as lock",
    );
    let prepared = tokio::time::timeout(LOOK, prepared.fetch_one(&mut connection)).await;
    let backend: i32 = prepared.unwrap_or_else(|_| Err(Unanswered.into()))?;
    let migrator = history.migrator();
    let run = async {
        // `run` would have the same effect, but the compiler cannot prove that its future is `Send`.
        migrator.run_direct(None, &mut connection, false).await
    };
    let outcome = tokio::select! {
        outcome = run => outcome,
        () = lost(database, backend) => return Err(sqlx::Error::from(Unanswered).into()),
    };
    let _ = tokio::time::timeout(LOOK, PgConnection::close(connection)).await;
    outcome
}

/// Returns once the server no longer works for the connection with this backend process id. A time limit could not detect this, since a
/// migration may take any time.
async fn lost(database: &Database, backend: i32) {
    let mut blind = 0;
    while blind < BLIND_LOOKS {
        tokio::time::sleep(LOOK).await;
        let at_work = sqlx::query_scalar::<_, bool>(
            "select exists (select from pg_stat_activity
                where pid = $1 and (state = 'active' or state_change > now() - make_interval(secs => $2)))",
        );
        match at_work.bind(backend).bind(IDLE.as_secs_f64()).fetch_one(database).await {
            Ok(true) => blind = 0,
            Ok(false) => return,
            Err(_) => blind += 1,
        }
    }
}
