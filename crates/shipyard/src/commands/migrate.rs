//! `shipyard migrate`: applies, reverts and lists migrations.

use std::{io, time::Duration};

use anyhow::Context as _;
use clap::Subcommand;
use platform::{
    config::{self, ConfigError, Settings},
    postgres::{connect_options, explain, is_unavailable, migrations},
};
use sqlx::{
    Connection as _, PgConnection,
    migrate::{MigrateError, Migration, Migrator},
    postgres::PgConnectOptions,
};
use tokio::time::timeout;

use super::{STARTUP_TIMEOUT, retry};
use operations::registry::{self, with_database};
use platform::server::service::Service;

/// The time limit of one attempt to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Subcommand)]
pub enum Command {
    /// Apply all pending migrations; waits up to a minute for the database and the right to connect
    Up {
        /// Only this service's database (default: every database whose <SERVICE>_DATABASE_URL is set)
        #[arg(long, value_parser = registry::parser())]
        service: Option<&'static Service>,
    },
    /// Revert the latest migration of one database
    Down {
        /// Service whose database is changed
        #[arg(long, value_parser = registry::parser())]
        service: &'static Service,
    },
    /// List migrations as applied or pending
    Status {
        /// Only this service's database (default: every database whose <SERVICE>_DATABASE_URL is set)
        #[arg(long, value_parser = registry::parser())]
        service: Option<&'static Service>,
    },
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let settings = config::load()?;
    match command {
        Command::Up { service } => {
            // The database may start at the same time, and get its users and their rights later.
            for database in Database::several(&settings, service, STARTUP_TIMEOUT).await? {
                database.up().await?;
            }
        }
        Command::Down { service } => Database::new(&settings, service, Duration::ZERO).await?.down().await?,
        Command::Status { service } => {
            for database in Database::several(&settings, service, Duration::ZERO).await? {
                database.status().await?;
            }
        }
    }
    Ok(())
}

/// A connection to one service's database.
struct Database {
    service: &'static Service,
    migrations: &'static Migrator,
    connection: PgConnection,
}

impl Database {
    /// Connects. Waits for an unavailable database, or one that refuses its user, for `limit` at most.
    async fn new(settings: &Settings, service: &'static Service, limit: Duration) -> anyhow::Result<Self> {
        let migrations = service.migrations().with_context(|| format!("{service} has no database"))?;
        let variable = service.variable("DATABASE_URL");
        let url = settings.get(&variable).ok_or_else(|| ConfigError::new(&variable, "is not set"))?;
        let options = connect_options(&variable, url)?.application_name("shipyard-migrate");
        let connection = retry(limit, may_pass, || connect(&options)).await;
        let connection = connection
            .with_context(|| format!("{variable}: cannot connect to {}:{}", options.get_host(), options.get_port()))?;
        Ok(Self { service, migrations, connection })
    }

    /// The named database, or else all whose URL is set.
    async fn several(
        settings: &Settings,
        service: Option<&'static Service>,
        limit: Duration,
    ) -> anyhow::Result<Vec<Self>> {
        let given = |service: &&'static Service| settings.get(&service.variable("DATABASE_URL")).is_some();
        let services: Vec<&'static Service> = match service {
            Some(service) => vec![service],
            None => with_database().filter(given).collect(),
        };
        anyhow::ensure!(
            !services.is_empty(),
            "no database is configured: set ORDER_DATABASE_URL etc.; databases that `shipyard` starts itself are migrated at start"
        );
        let mut databases = Vec::new();
        for service in services {
            databases.push(Self::new(settings, service, limit).await?);
        }
        Ok(databases)
    }

    async fn up(mut self) -> anyhow::Result<()> {
        let migrating = || format!("migrating {}", self.service);
        let before = migrations::steps(self.migrations, &mut self.connection).await;
        let before = before.map_err(explain).with_context(migrating)?;
        let pending = before.iter().filter(|step| !step.is_applied);
        let done: Vec<String> = pending.map(|step| name(step.migration)).collect();
        match migrations::apply(self.migrations, &mut self.connection).await {
            // An older version is started again. Its service decides whether it works with the newer schema.
            Err(MigrateError::VersionMissing(_)) if done.is_empty() => {}
            migrated => migrated.with_context(migrating)?,
        }
        outln!("{:<14}{}", self.service, if done.is_empty() { "is up to date".to_owned() } else { done.join(", ") });
        Ok(())
    }

    async fn down(mut self) -> anyhow::Result<()> {
        let undone = migrations::revert_latest(self.migrations, &mut self.connection).await.map_err(explain);
        match undone.with_context(|| format!("reverting the latest migration of {}", self.service))? {
            Some(migration) => outln!("{:<14}undone: {}", self.service, name(migration)),
            None => outln!("{:<14}has no migration to undo", self.service),
        }
        Ok(())
    }

    async fn status(mut self) -> anyhow::Result<()> {
        for step in migrations::steps(self.migrations, &mut self.connection).await.map_err(explain)? {
            let state = if step.is_applied { "applied" } else { "pending" };
            outln!("{:<14}{state:<9}{}", self.service, name(step.migration));
        }
        Ok(())
    }
}

async fn connect(options: &PgConnectOptions) -> anyhow::Result<PgConnection> {
    let connected = timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await;
    Ok(connected.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))?)
}

fn may_pass(error: &anyhow::Error) -> bool {
    error.downcast_ref::<sqlx::Error>().is_some_and(is_unavailable)
}

/// The migration's name, such as `0002 self payment`.
fn name(migration: &Migration) -> String {
    format!("{:04} {}", migration.version, migration.description)
}
