//! The migrations of a database, and its history of them: sqlx's table `_sqlx_migrations`.

use sqlx::{
    PgConnection,
    migrate::{AppliedMigration, Migrate as _, MigrateError, Migration, Migrator},
};

use super::Database;

/// The version of the first migration of each database. That migration has not changed since 0.1.0, so a database with
/// another first migration is older.
pub(super) const FIRST_VERSION: i64 = 1;

/// The migrations with which the previous release creates the tables that several services have, and the histories in
/// which it records them. A later release drops these histories, in a contraction.
static RELEASED: [(&str, Migrator); 3] = [
    ("_sqlx_migrations_inbox", sqlx::migrate!("src/postgres/released/inbox")),
    ("_sqlx_migrations_leases", sqlx::migrate!("src/postgres/released/leases")),
    ("_sqlx_migrations_outbox", sqlx::migrate!("src/postgres/released/outbox")),
];

/// The differences between a database's and this program's migrations.
pub(super) struct Comparison {
    /// True if a migration of this program is not applied, or with another checksum.
    pub is_pending: bool,
    /// True if the database's first migration is not this program's.
    pub is_before_release: bool,
    pub unknown: Vec<Unknown>,
}

/// An applied migration that this program does not know.
#[derive(Debug)]
pub(super) struct Unknown {
    pub version: i64,
    pub name: String,
    /// True if the version is higher than this program's versions.
    pub is_newer: bool,
}

pub struct Step<'m> {
    pub migration: &'m Migration,
    pub is_applied: bool,
}

/// Compares these migrations with the applied ones in one request. Fails if the database has no history.
pub(super) async fn compare(migrations: &Migrator, database: &Database) -> sqlx::Result<Comparison> {
    let history = "select version, description, checksum, success from _sqlx_migrations";
    let applied: Vec<(i64, String, Vec<u8>, bool)> = sqlx::query_as(history).fetch_all(database).await?;
    let is_pending = up(migrations).any(|known| {
        let is_known = |version: i64, checksum: &[u8]| version == known.version && checksum == &*known.checksum;
        !applied.iter().any(|(version, _, checksum, success)| *success && is_known(*version, checksum))
    });
    let is_before_release =
        applied.iter().any(|(version, _, checksum, _)| is_another_first(migrations, *version, checksum));
    let highest = up(migrations).map(|known| known.version).max().unwrap_or(0);
    let unknown = applied.into_iter().filter(|(version, ..)| up(migrations).all(|known| known.version != *version));
    let unknown = unknown.map(|(version, name, ..)| Unknown { version, name, is_newer: version > highest }).collect();
    Ok(Comparison { is_pending, is_before_release, unknown })
}

/// Applies the pending migrations.
///
/// # Errors
///
/// Returns `VersionMismatch`, which [`explain`](super::explain) reports, if the database's first migration is not this
/// program's.
pub async fn apply(migrations: &Migrator, connection: &mut PgConnection) -> Result<(), MigrateError> {
    applied(migrations, connection).await?;
    // This comes before the migrations, so that a process that is killed in between repeats both.
    for (history, released) in &RELEASED {
        let released = Migrator {
            migrations: released.migrations.clone(),
            table_name: (*history).into(),
            ignore_missing: true,
            ..Migrator::DEFAULT
        };
        // Records the migrations without executing them.
        released.run_direct(None, connection, true).await?;
    }
    // `run` would have the same effect, but the compiler cannot prove that its future is `Send`.
    migrations.run_direct(None, connection, false).await
}

/// Returns every migration, in order.
///
/// # Errors
///
/// Like [`apply`].
pub async fn steps<'m>(migrations: &'m Migrator, connection: &mut PgConnection) -> Result<Vec<Step<'m>>, MigrateError> {
    let applied = applied(migrations, connection).await?;
    let is_applied = |migration: &Migration| applied.iter().any(|applied| applied.version == migration.version);
    Ok(up(migrations).map(|migration| Step { migration, is_applied: is_applied(migration) }).collect())
}

/// Reverts the highest applied migration. Returns it, or `None` if no migration is applied.
///
/// # Errors
///
/// Like [`apply`].
pub async fn revert_latest<'m>(
    migrations: &'m Migrator,
    connection: &mut PgConnection,
) -> Result<Option<&'m Migration>, MigrateError> {
    let steps = steps(migrations, connection).await?;
    let mut applied = steps.iter().rev().filter(|step| step.is_applied).map(|step| step.migration);
    let Some(latest) = applied.next() else { return Ok(None) };
    let target = applied.next().map_or(0, |before| before.version);
    migrations.undo(connection, target).await?;
    Ok(Some(latest))
}

/// Returns the migrations except the down migrations.
fn up(migrations: &Migrator) -> impl Iterator<Item = &Migration> {
    migrations.iter().filter(|migration| !migration.migration_type.is_down_migration())
}

/// Reads the history. Fails with `VersionMismatch` if the database's first migration is not this program's: otherwise
/// sqlx would first find its later migrations, and treat them as a newer version's.
async fn applied(migrations: &Migrator, connection: &mut PgConnection) -> Result<Vec<AppliedMigration>, MigrateError> {
    // The table is not created here: replicas may start together, and only `run_direct` holds the lock.
    let exists = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null");
    let exists: bool = exists.fetch_one(&mut *connection).await?;
    if !exists {
        return Ok(Vec::new());
    }
    let applied = connection.list_applied_migrations("_sqlx_migrations").await?;
    if applied.iter().any(|applied| is_another_first(migrations, applied.version, &applied.checksum)) {
        return Err(MigrateError::VersionMismatch(FIRST_VERSION));
    }
    Ok(applied)
}

/// Returns true if this is the first version, and its checksum is not that of this program's first migration.
fn is_another_first(migrations: &Migrator, version: i64, checksum: &[u8]) -> bool {
    version == FIRST_VERSION
        && up(migrations).any(|known| known.version == FIRST_VERSION && *known.checksum != *checksum)
}
