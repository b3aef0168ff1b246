//! A fresh database per test, copied from a template that is migrated once.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    str::FromStr as _,
    sync::atomic::{AtomicU32, Ordering},
};

use platform::postgres::migrations;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::sync::OnceCell;

use crate::{
    infrastructure::address,
    test_run::{self, Server},
};

const POOL_SIZE: u32 = 10;
/// A test's statement waits this long for a lock. The 200 ms of production are too short for writers on a busy machine;
/// a test of that limit sets it on its pool.
const LOCK_TIMEOUT: &str = "4s";

pub struct Database {
    pub pool: platform::postgres::Database,
    pub url: String,
}

/// Creates a database and applies these migrations.
pub async fn database(migrations: &Migrator) -> Database {
    let server = Databases::connect().await;
    match server.migrated(migrations).await {
        Ok(database) => database,
        Err(error) => panic!("making a database: {error}"),
    }
}

pub async fn empty_database() -> Database {
    let server = Databases::connect().await;
    match server.create("template0").await {
        Ok(database) => database,
        Err(error) => panic!("making a database: {error}"),
    }
}

struct Databases {
    options: PgConnectOptions,
}

impl Databases {
    async fn connect() -> Self {
        static SWEPT: OnceCell<()> = OnceCell::const_new();
        let url = address(Server::Postgres).await;
        let options = PgConnectOptions::from_str(&url).expect("the test database's URL can be read");
        let server = Self { options: options.ssl_mode(PgSslMode::Disable) };
        SWEPT
            .get_or_init(|| async {
                if let Err(error) = server.sweep().await {
                    test_run::say(&format!("old test databases stay: {error}"));
                }
            })
            .await;
        server
    }

    async fn admin(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect_with(&self.options.clone().database("postgres")).await
    }

    /// Drops the databases of ended test binaries of this host.
    async fn sweep(&self) -> sqlx::Result<()> {
        let mut admin = self.admin().await?;
        let prefix = format!("test_{}_", test_run::host());
        let names: Vec<String> =
            sqlx::query_scalar("select datname::text from pg_database where starts_with(datname, $1)")
                .bind(&prefix)
                .fetch_all(&mut admin)
                .await?;
        for name in names {
            let owner = name[prefix.len()..].rsplit_once('_').map(|(owner, _)| owner.replace('_', "-"));
            if owner.is_some_and(|owner| !test_run::is_alive(&owner)) {
                // Ignore the error: another test binary may drop the same database.
                let _ = execute(&mut admin, format!(r#"drop database if exists "{name}" with (force)"#)).await;
            }
        }
        admin.close().await
    }

    /// Creates a copy of the template with the schema of `migrations`. The first caller creates the template.
    async fn migrated(&self, migrations: &Migrator) -> Result<Database, MigrateError> {
        let hash = hash(migrations);
        let template = format!("template_{hash:016x}");
        let mut admin = self.admin().await?;
        // Closing the connection releases the lock.
        sqlx::query("select pg_advisory_lock($1)").bind(hash.cast_signed()).execute(&mut admin).await?;
        let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(&template)
            .fetch_one(&mut admin)
            .await?;
        if !exists {
            let draft = format!("draft_{hash:016x}");
            execute(&mut admin, format!("drop database if exists {draft} with (force)")).await?;
            execute(&mut admin, format!("create database {draft} template template0")).await?;
            let mut connection = PgConnection::connect_with(&self.options.clone().database(&draft)).await?;
            migrations::apply(migrations, &mut connection).await?;
            connection.close().await?;
            execute(&mut admin, format!("alter database {draft} allow_connections false")).await?;
            execute(&mut admin, format!("alter database {draft} rename to {template}")).await?;
        }
        admin.close().await?;
        Ok(self.create(&template).await?)
    }

    async fn create(&self, template: &str) -> sqlx::Result<Database> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{}_{count}", test_run::host(), test_run::this_process().replace('-', "_"));
        let mut admin = self.admin().await?;
        execute(&mut admin, format!(r#"create database "{name}" template {template}"#)).await?;
        admin.close().await?;
        let url = self.options.clone().database(&name).to_url_lossy().to_string();
        let pool = platform::postgres::Database::lazy("test", "TEST_DATABASE_URL", &url.clone().into(), POOL_SIZE);
        let pool = pool.expect("the database's URL can be read").with_stable_plans();
        pool.set([("lock_timeout", LOCK_TIMEOUT)]);
        Ok(Database { pool, url })
    }
}

/// Executes a statement. Its names consist of letters, digits and underscores, so they need no escaping.
async fn execute(connection: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}

fn hash(migrations: &Migrator) -> u64 {
    let mut hasher = DefaultHasher::new();
    for migration in migrations.iter() {
        (migration.version, &migration.checksum).hash(&mut hasher);
    }
    hasher.finish()
}
