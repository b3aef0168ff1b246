//! Migrates a database. Waits for the server and applies pending migrations, in one replica at a time.

use std::time::Duration;

use anyhow::Context as _;
use sqlx::{
    Connection as _, PgConnection,
    migrate::MigrateError::{Execute, ExecuteMigration, VersionMissing},
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

/// The first word in the name of a migration after which older versions of this program do not work: `NNNN_contract_<name>`.
const CONTRACT: &str = "contract ";

/// Waits for the server and applies pending migrations, under a lock so that only one replica migrates at a time.
///
/// If a newer version has migrated the database, starts nevertheless, with a warning: its migrations only add what this version does not
/// need (decision 61). Fails if one of them is a contraction, if a migration is wrong, or if the server's certificate is not trusted. If
/// the server is unavailable or refuses this service, retries until `stop`.
pub async fn migrate(database: &Database, migrations: &Migrations, stop: &CancellationToken) -> anyhow::Result<()> {
    // Usually nothing is pending. One request shows it; each history would take a connection, a lock and some eight requests.
    tokio::select! {
        applied = migrations.are_applied(database) => if matches!(applied, Ok(true)) {
            return Ok(());
        },
        () = stop.cancelled() => return Ok(()),
    }
    for history in migrations.histories() {
        catch_up(database, history, stop).await?;
    }
    Ok(())
}

/// Applies the pending migrations of one history.
async fn catch_up(database: &Database, history: History<'_>, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut pauses = retry::endless_backoff();
    let mut expects_newer = false;
    loop {
        let error = tokio::select! {
            outcome = attempt(database, history, expects_newer) => match outcome {
                Ok(()) => return Ok(()),
                Err(error) => error,
            },
            () = stop.cancelled() => return Ok(()),
        };
        match &error {
            Execute(cause) | ExecuteMigration(cause, _) if tls::is_untrusted(cause) => {
                let options = database.connect_options();
                let server = format!("PostgreSQL at {}:{}", options.get_host(), options.get_port());
                return Err(error).context(format!("{server} has no TLS or a certificate that is not trusted"));
            }
            Execute(cause) | ExecuteMigration(cause, _) if is_refused(cause) => {
                tracing::error!(%error, "PostgreSQL refuses this service; check its database URL and its role's rights; retrying");
            }
            Execute(cause) | ExecuteMigration(cause, _) if is_contended(cause) => {
                tracing::info!(
                    "the migration waits for another replica, or for a transaction that holds a lock; retrying"
                );
            }
            Execute(cause) | ExecuteMigration(cause, _) if is_unavailable(cause) => {
                tracing::warn!(%error, "PostgreSQL is unavailable; retrying");
            }
            VersionMissing(version) => match history.newer(database).await {
                Ok(newer) => {
                    check_newer(history, *version, &newer)?;
                    expects_newer = true;
                    continue;
                }
                Err(error) => tracing::warn!(%error, "PostgreSQL is unavailable; retrying"),
            },
            _ => return Err(error).context("migrating the database"),
        }
        tokio::time::sleep(pauses.next().unwrap_or(LOOK)).await;
    }
}

/// Fails unless this version works with a database that has `newer` migrations, of which `unknown` is one.
fn check_newer(history: History<'_>, unknown: i64, newer: &[(i64, String)]) -> anyhow::Result<()> {
    let of = history.table.map(|table| format!(" of {table}")).unwrap_or_default();
    if let Some((version, name)) = newer.iter().find(|(_, name)| name.starts_with(CONTRACT)) {
        anyhow::bail!(
            "the database was migrated by a newer version of this program (migration {version}{of}, {name}), and this one does not work with \
             it; run that one, or undo its migrations with its `shipyard migrate down`"
        );
    }
    anyhow::ensure!(
        newer.iter().any(|(version, _)| *version == unknown),
        "the database has migration {unknown}{of}, which this program does not know although it is not newer than its own; run the program \
         that made it"
    );
    tracing::warn!(
        ?newer,
        table = history.table,
        "the database was migrated by a newer version of this program, which this version works with"
    );
    Ok(())
}

/// Applies the migrations on a connection of its own. Fails if the server no longer works for that connection.
async fn attempt(
    database: &Database,
    history: History<'_>,
    expects_newer: bool,
) -> Result<(), sqlx::migrate::MigrateError> {
    let mut connection = database.connect().await?;
    // No statement timeout applies, because a migration may take long. It waits for a lock only for a moment, since all statements of the
    // running replicas queue behind it: after that it is tried again.
    let prepared = sqlx::query_scalar(
        "select pg_backend_pid()
        from set_config('statement_timeout', '0', false) as statement, set_config('lock_timeout', '1s', false) as lock",
    );
    let prepared = tokio::time::timeout(LOOK, prepared.fetch_one(&mut connection)).await;
    let backend: i32 = prepared.unwrap_or_else(|_| Err(Unanswered.into()))?;
    let mut migrator = history.migrator();
    migrator.set_ignore_missing(expects_newer);
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
