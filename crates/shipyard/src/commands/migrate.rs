//! `shipyard migrate`: applies, reverts and lists migrations.

use anyhow::Context as _;
use clap::Subcommand;
use platform::{
    config::{ConfigError, Settings},
    postgres::{connect_options, explain, migrations},
};
use sqlx::{
    Connection as _, PgConnection,
    migrate::{Migration, Migrator},
};

use operations::registry::{self, with_database};
use platform::server::service::Service;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Subcommand)]
enum Command {
    /// Apply all pending migrations
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

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let settings = Settings::load()?;
    match arguments.command {
        Command::Up { service } => {
            for database in Database::several(&settings, service).await? {
                database.up().await?;
            }
        }
        Command::Down { service } => Database::new(&settings, service).await?.down().await?,
        Command::Status { service } => {
            for database in Database::several(&settings, service).await? {
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
    async fn new(settings: &Settings, service: &'static Service) -> anyhow::Result<Self> {
        let migrations = service.migrations().with_context(|| format!("{service} has no database"))?;
        let variable = service.variable("DATABASE_URL");
        let url = settings.get(&variable).ok_or_else(|| ConfigError::new(&variable, "is not set"))?;
        let options = connect_options(&variable, url)?.application_name("shipyard-migrate");
        let connection = PgConnection::connect_with(&options)
            .await
            .with_context(|| format!("{variable}: cannot connect to {}:{}", options.get_host(), options.get_port()))?;
        Ok(Self { service, migrations, connection })
    }

    /// The named database, or else all whose URL is set.
    async fn several(settings: &Settings, service: Option<&'static Service>) -> anyhow::Result<Vec<Self>> {
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
            databases.push(Self::new(settings, service).await?);
        }
        Ok(databases)
    }

    async fn up(mut self) -> anyhow::Result<()> {
        let migrating = || format!("migrating {}", self.service);
        let before = migrations::steps(self.migrations, &mut self.connection).await;
        let before = before.map_err(explain).with_context(migrating)?;
        migrations::apply(self.migrations, &mut self.connection).await.with_context(migrating)?;
        let pending = before.iter().filter(|step| !step.is_applied);
        let done: Vec<String> = pending.map(|step| name(step.migration)).collect();
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

/// The migration's name, such as `0002 self payment`.
fn name(migration: &Migration) -> String {
    format!("{:04} {}", migration.version, migration.description)
}
