//! `shipyard migrate`: applies, reverts and lists migrations.

use std::collections::HashSet;

use anyhow::Context as _;
use clap::Subcommand;
use platform::{
    config::{ConfigError, Settings},
    postgres::connect_options,
};
use sqlx::{
    Connection as _, PgConnection,
    migrate::{Migrate as _, Migration, Migrator},
};

use operations::services::{self, with_database};
use platform::service::Service;

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
        #[arg(long, value_parser = services::parser())]
        service: Option<&'static Service>,
    },
    /// Revert the latest migration of one database
    Down {
        #[arg(long, value_parser = services::parser())]
        service: &'static Service,
    },
    /// List migrations as applied or pending
    Status {
        /// Only this service's database (default: every database whose <SERVICE>_DATABASE_URL is set)
        #[arg(long, value_parser = services::parser())]
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
        Command::Down { service } => Database::of(&settings, service).await?.down().await?,
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
    async fn of(settings: &Settings, service: &'static Service) -> anyhow::Result<Self> {
        let migrations = service.migrations().with_context(|| format!("{service} has no database"))?;
        let variable = service.variable("DATABASE_URL");
        let url = settings.get(&variable).ok_or_else(|| ConfigError::new(&variable, "is not set"))?;
        let options = connect_options(&variable, url)?.application_name("shipyard-migrate");
        let connection = PgConnection::connect_with(&options)
            .await
            .with_context(|| format!("{variable}: cannot connect to {}:{}", options.get_host(), options.get_port()))?;
        Ok(Self { service, migrations, connection })
    }

    /// The named database, or all whose URL is set.
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
            databases.push(Self::of(settings, service).await?);
        }
        Ok(databases)
    }

    async fn up(mut self) -> anyhow::Result<()> {
        let before = self.applied().await?;
        self.migrations.run(&mut self.connection).await.with_context(|| format!("migrating {}", self.service))?;
        let applied = self.versions().filter(|migration| !before.contains(&migration.version));
        let done: Vec<String> = applied.map(name).collect();
        println!("{:<14}{}", self.service, if done.is_empty() { "is up to date".to_owned() } else { done.join(", ") });
        Ok(())
    }

    async fn down(mut self) -> anyhow::Result<()> {
        let applied = self.applied().await?;
        let mut latest_first: Vec<&Migration> =
            self.versions().filter(|migration| applied.contains(&migration.version)).collect();
        latest_first.sort_by_key(|migration| -migration.version);
        let Some(latest) = latest_first.first() else {
            println!("{:<14}has no migration to undo", self.service);
            return Ok(());
        };
        let target = latest_first.get(1).map_or(0, |migration| migration.version);
        let undo = self.migrations.undo(&mut self.connection, target);
        undo.await.with_context(|| format!("reverting {} of {}", name(latest), self.service))?;
        println!("{:<14}undone: {}", self.service, name(latest));
        Ok(())
    }

    async fn status(mut self) -> anyhow::Result<()> {
        let applied = self.applied().await?;
        for migration in self.versions() {
            let state = if applied.contains(&migration.version) { "applied" } else { "pending" };
            println!("{:<14}{state:<9}{}", self.service, name(migration));
        }
        Ok(())
    }

    fn versions(&self) -> impl Iterator<Item = &'static Migration> + use<> {
        self.migrations.iter().filter(|migration| !migration.migration_type.is_down_migration())
    }

    async fn applied(&mut self) -> anyhow::Result<HashSet<i64>> {
        let table = &self.migrations.table_name;
        self.connection.ensure_migrations_table(table).await?;
        let applied = self.connection.list_applied_migrations(table).await?;
        Ok(applied.into_iter().map(|migration| migration.version).collect())
    }
}

fn name(migration: &Migration) -> String {
    format!("{:04} {}", migration.version, migration.description)
}
