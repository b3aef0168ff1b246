//! The migrations of a database: first the service's own, then those of each table that several services share.

use chrono::{DateTime, Utc};
use sqlx::{
    AssertSqlSafe, PgConnection,
    migrate::{Migrate as _, MigrateError, Migration, Migrator},
};

use super::Database;

/// The version of the first migration of each history. That migration has not changed since 0.1.0, so a database with
/// another first migration is older.
pub(super) const FIRST_VERSION: i64 = 1;

/// A table that several services share, with its migrations in `migrations/platform/<name>`.
///
/// Its migrations have their own history in each database, so that a change of the table is written once and numbered
/// independently of the services' migrations.
pub struct SharedTable {
    pub name: &'static str,
    migrations: &'static Migrator,
    /// The name of the table that records which migrations are applied.
    history: &'static str,
}

impl SharedTable {
    /// Describes a shared table. `history` must never change once a database has it, since all migrations would be
    /// applied again.
    pub const fn new(name: &'static str, history: &'static str, migrations: &'static Migrator) -> Self {
        Self { name, migrations, history }
    }
}

/// All migrations of one database. The service's own migrations come first and must not name a shared table.
pub struct Migrations {
    pub own: Migrator,
    pub shared: &'static [&'static SharedTable],
}

/// A sequence of migrations, and the table that records the applied ones.
#[derive(Clone, Copy)]
pub struct History<'m> {
    /// The name of the shared table; `None` for the service's own migrations.
    pub table: Option<&'static str>,
    pub migrations: &'m [Migration],
    recorded_in: &'m str,
}

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
    pub table: Option<&'static str>,
    pub version: i64,
    pub name: String,
    /// True if the version is higher than this program's versions of the same history.
    pub is_newer: bool,
}

pub struct Step<'m> {
    pub history: History<'m>,
    pub migration: &'m Migration,
    pub applied: Option<DateTime<Utc>>,
}

impl Migrations {
    pub const fn new(own: Migrator, shared: &'static [&'static SharedTable]) -> Self {
        Self { own, shared }
    }

    /// Returns the histories in the order in which they are applied.
    pub fn histories(&self) -> impl Iterator<Item = History<'_>> {
        let own = History { table: None, migrations: &self.own.migrations, recorded_in: &self.own.table_name };
        let shared = self.shared.iter().map(|table| History {
            table: Some(table.name),
            migrations: &table.migrations.migrations,
            recorded_in: table.history,
        });
        std::iter::once(own).chain(shared)
    }

    /// Applies the pending migrations of all histories.
    pub async fn run(&self, connection: &mut PgConnection) -> Result<(), MigrateError> {
        for history in self.histories() {
            history.check_first(connection).await?;
            history.migrator().run_direct(None, connection, false).await?;
        }
        Ok(())
    }

    /// Returns true if exactly these migrations are applied, with one request. Fails if the table of a history is
    /// missing.
    pub async fn are_applied(&self, database: &Database) -> sqlx::Result<bool> {
        let found = self.compare(database).await?;
        Ok(!found.is_pending && found.unknown.is_empty())
    }

    /// Compares these migrations with the applied ones in one request. Fails if a history's table is missing.
    pub(super) async fn compare(&self, database: &Database) -> sqlx::Result<Comparison> {
        let tables = self.histories().zip(0..).map(|(history, place)| {
            // The table name is safe in the query, because it is a literal of this program.
            format!("select {place}, version, description, checksum, success from {}", history.recorded_in)
        });
        let rows = AssertSqlSafe(tables.collect::<Vec<_>>().join(" union all "));
        let applied: Vec<(i32, i64, String, Vec<u8>, bool)> = sqlx::query_as(rows).fetch_all(database).await?;
        let mut found = Comparison { is_pending: false, is_before_release: false, unknown: Vec::new() };
        for (history, place) in self.histories().zip(0..) {
            let of_history = || applied.iter().filter(move |(of, ..)| *of == place);
            found.is_pending |= history.up().any(|known| {
                let is_known = |version: i64, sum: &[u8]| version == known.version && sum == &*known.checksum;
                !of_history().any(|(_, version, _, checksum, success)| *success && is_known(*version, checksum))
            });
            found.is_before_release |=
                of_history().any(|(_, version, _, checksum, _)| history.has_other(*version, checksum));
            let highest = history.up().map(|known| known.version).max().unwrap_or(0);
            let unknown = of_history().filter(|(_, version, ..)| history.up().all(|known| known.version != *version));
            found.unknown.extend(unknown.map(|(_, version, name, ..)| Unknown {
                table: history.table,
                version: *version,
                name: name.clone(),
                is_newer: *version > highest,
            }));
        }
        Ok(found)
    }

    /// Returns every migration, in order, and when it was applied to this database.
    pub async fn steps(&self, connection: &mut PgConnection) -> Result<Vec<Step<'_>>, MigrateError> {
        let mut steps = Vec::new();
        for history in self.histories() {
            history.check_first(connection).await?;
            let applied = history.applied(connection).await?;
            steps.extend(history.up().map(|migration| {
                let at = applied.iter().find(|(version, _)| *version == migration.version).map(|(_, at)| *at);
                Step { history, migration, applied: at }
            }));
        }
        Ok(steps)
    }

    /// Reverts the most recently applied migration of all histories. Returns it, or `None` if no migration is applied.
    pub async fn revert_latest(&self, connection: &mut PgConnection) -> Result<Option<Step<'_>>, MigrateError> {
        let mut steps = self.steps(connection).await?;
        // The sort is stable: of migrations with the same time, the one listed last counts as applied last.
        steps.retain(|step| step.applied.is_some());
        steps.sort_by_key(|step| step.applied);
        let Some(latest) = steps.pop() else { return Ok(None) };
        let before = steps.iter().filter(|step| step.history.table == latest.history.table);
        let target = before.map(|step| step.migration.version).max().unwrap_or(0);
        latest.history.migrator().undo(connection, target).await?;
        Ok(Some(latest))
    }
}

impl<'m> History<'m> {
    /// Returns the migrations except the down migrations.
    fn up(self) -> impl Iterator<Item = &'m Migration> {
        self.migrations.iter().filter(|migration| !migration.migration_type.is_down_migration())
    }

    pub fn migrator(self) -> Migrator {
        let mut migrator = Migrator::with_migrations(self.migrations.to_vec());
        migrator.dangerous_set_table_name(self.recorded_in.to_owned());
        migrator
    }

    /// Fails with `VersionMismatch`, which [`explain`](super::explain) reports, if the database's first migration is
    /// not this program's. Otherwise sqlx would first find its later migrations, and treat them as a newer version's.
    pub(super) async fn check_first(self, connection: &mut PgConnection) -> Result<(), MigrateError> {
        // The table is not created here: replicas may start together, and only `run_direct` holds the lock.
        let exists = sqlx::query_scalar("select to_regclass($1) is not null").bind(self.recorded_in);
        if !exists.fetch_one(&mut *connection).await? {
            return Ok(());
        }
        let applied = connection.list_applied_migrations(self.recorded_in).await?;
        match applied.iter().find(|applied| self.has_other(applied.version, &applied.checksum)) {
            Some(other) => Err(MigrateError::VersionMismatch(other.version)),
            None => Ok(()),
        }
    }

    /// Returns true if this is the first version, and its checksum is not that of this program's first migration.
    fn has_other(self, version: i64, checksum: &[u8]) -> bool {
        version == FIRST_VERSION
            && self.up().any(|known| known.version == FIRST_VERSION && *known.checksum != *checksum)
    }

    async fn applied(self, connection: &mut PgConnection) -> Result<Vec<(i64, DateTime<Utc>)>, MigrateError> {
        let table = self.recorded_in;
        connection.ensure_migrations_table(table).await?;
        // The table name is safe in the query, because it is a literal of this program.
        let question = AssertSqlSafe(format!("select version, installed_on from {table}"));
        Ok(sqlx::query_as(question).fetch_all(connection).await?)
    }
}
