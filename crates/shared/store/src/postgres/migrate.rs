//! Migrates a database. Waits for the server and applies pending migrations, in one replica at a time.

use std::time::Duration;

use anyhow::Context as _;
use base::retry;
use sqlx::{
    Connection as _, PgConnection,
    migrate::{
        MigrateError::{self, Execute, ExecuteMigration, VersionMismatch, VersionMissing},
        Migrator,
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    Database,
    connections::Unanswered,
    error::is_untrusted,
    is_contended, is_refused, is_unavailable,
    migrations::{self, FIRST_VERSION, Unknown},
};

/// How often a running migration's connection is checked, and the check's time limit.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// A migration's connection counts as lost if the server has not worked for it for this long.
const MAX_IDLE_TIME: Duration = Duration::from_secs(5);
/// How many consecutive failed checks also count as a lost connection.
const MAX_FAILED_CHECKS: u32 = 5;

/// The first word of a contraction's name: `NNNN_contract_<name>`. After a contraction, older versions of this program
/// do not work.
const CONTRACT: &str = "contract ";

/// The error about a database whose first migration is not this program's.
const BEFORE_RELEASE: &str = "the database was made by a checkout from before 0.1.0, which cannot be upgraded; nothing was changed; to begin \
    anew, delete the data directory (of `cargo run`: .shipyard, or the one that --data names) or the volumes (of compose: `docker compose \
    down --volumes`)";

/// Waits for the server and applies pending migrations, under a lock so that only one replica migrates at a time. If
/// the role of the service may not change tables, waits until the owner of the database has applied them.
///
/// If a newer version has migrated the database, only logs a warning: its migrations only add what this version does
/// not need (decision 61). Fails if one of them is a contraction, if a migration is wrong, or if the server's
/// certificate is not trusted. If the server is unavailable or refuses this service, retries until `stop`.
pub async fn migrate(database: &Database, migrations: &Migrator, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut backoff = retry::endless_backoff();
    loop {
        tokio::select! {
            outcome = catch_up(database, migrations) => match outcome? {
                Ok(()) => return Ok(()),
                Err(error) => judge(error, database)?,
            },
            () = stop.cancelled() => return Ok(()),
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next().unwrap_or(CHECK_INTERVAL)) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Applies all pending migrations. Fails if this version does not work with the applied ones.
async fn catch_up(database: &Database, migrations: &Migrator) -> anyhow::Result<Result<(), MigrateError>> {
    // Usually nothing is pending, which one request shows without a lock.
    let expects_newer = match migrations::compare(migrations, database).await {
        Ok(found) => {
            anyhow::ensure!(!found.is_before_release, BEFORE_RELEASE);
            check_unknown(&found.unknown)?;
            if !found.is_pending {
                return Ok(Ok(()));
            }
            !found.unknown.is_empty()
        }
        // A role that may not migrate must not mistake a silent server for pending migrations.
        Err(error) if is_unavailable(&error) => return Ok(Err(Execute(error))),
        // A missing history is an error, too.
        Err(_) => false,
    };
    Ok(attempt(database, migrations, expects_newer).await)
}

/// Fails unless this version works with these unknown migrations.
fn check_unknown(unknown: &[Unknown]) -> anyhow::Result<()> {
    for Unknown { version, name, is_newer } in unknown {
        anyhow::ensure!(
            !name.starts_with(CONTRACT),
            "the database was migrated by a newer version of this program (migration {version}, {name}), and this one does not work with \
             it; run that one, or undo its migrations with its `shipyard migrate down`"
        );
        anyhow::ensure!(
            is_newer,
            "the database has migration {version}, which this program does not know although it is not newer than its own; run the \
             program that made it"
        );
    }
    if !unknown.is_empty() {
        tracing::warn!(
            ?unknown,
            "the database was migrated by a newer version of this program, which this version works with"
        );
    }
    Ok(())
}

/// Fails unless another attempt may succeed.
fn judge(error: MigrateError, database: &Database) -> anyhow::Result<()> {
    match &error {
        Execute(cause) | ExecuteMigration(cause, _) if is_untrusted(cause) => {
            let options = database.connect_options();
            let server = format!("PostgreSQL at {}:{}", options.get_host(), options.get_port());
            return Err(error).context(format!("{server} has no TLS or a certificate that is not trusted"));
        }
        Execute(cause) | ExecuteMigration(cause, _) if is_refused(cause) => {
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
        // A newer version has migrated the database since the comparison.
        VersionMissing(_) => {}
        _ => return Err(explain(error)).context("migrating the database"),
    }
    Ok(())
}

pub fn explain(error: MigrateError) -> anyhow::Error {
    match error {
        VersionMismatch(FIRST_VERSION) => anyhow::anyhow!(BEFORE_RELEASE),
        error => error.into(),
    }
}

/// Applies the migrations on a connection of its own. Fails if the server stops working for that connection.
async fn attempt(database: &Database, migrations: &Migrator, expects_newer: bool) -> Result<(), MigrateError> {
    let mut connection = database.connect().await?;
    // A migration may take long, so it has no statement timeout. It waits for a lock only briefly, since all statements
    // of the running replicas queue behind it; then it is retried.
    let prepared = sqlx::query_scalar(
        "select pg_backend_pid()
        from set_config('statement_timeout', '0', false) as statement, set_config('lock_timeout', '1s', false) as lock",
    );
    let prepared = tokio::time::timeout(CHECK_INTERVAL, prepared.fetch_one(&mut connection)).await;
    let backend: i32 = prepared.unwrap_or_else(|_| Err(Unanswered.into()))?;
    let migrator =
        Migrator { migrations: migrations.migrations.clone(), ignore_missing: expects_newer, ..Migrator::DEFAULT };
    let outcome = tokio::select! {
        outcome = migrations::apply(&migrator, &mut connection) => outcome,
        () = lost(database, backend) => return Err(sqlx::Error::from(Unanswered).into()),
    };
    let _ = tokio::time::timeout(CHECK_INTERVAL, PgConnection::close(connection)).await;
    outcome
}

/// Returns once the server no longer works for the connection with this backend process id. A time limit could not
/// detect this, since a migration may take any time.
async fn lost(database: &Database, backend: i32) {
    let mut blind = 0;
    while blind < MAX_FAILED_CHECKS {
        tokio::time::sleep(CHECK_INTERVAL).await;
        let at_work = sqlx::query_scalar::<_, bool>(
            "select exists (select from pg_stat_activity
                where pid = $1 and (state = 'active' or state_change > now() - make_interval(secs => $2)))",
        );
        match at_work.bind(backend).bind(MAX_IDLE_TIME.as_secs_f64()).fetch_one(database).await {
            Ok(true) => blind = 0,
            Ok(false) => return,
            Err(_) => blind += 1,
        }
    }
}
