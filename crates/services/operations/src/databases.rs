//! The databases of all services, for tools that read across them.

use std::collections::HashMap;

use anyhow::Context as _;
use futures::future::{join_all, try_join_all};
use platform::{
    config::Settings,
    postgres::{self, Database},
};
use tokio_util::sync::CancellationToken;

use crate::registry::{self, with_database};
use platform::server::service::Service;

/// The pool size of a tool, small compared with those of the services.
const POOL_SIZE: u32 = 2;

/// A small, lazily connected pool for each database.
pub struct Databases {
    pools: HashMap<&'static Service, Database>,
}

impl Databases {
    /// Creates a pool for the database of each service. PostgreSQL shows `tool`, such as `shipyard-audit`, as the
    /// application name. Fails if a `<SERVICE>_DATABASE_URL` is missing.
    pub fn from_settings(tool: &str, settings: &Settings) -> anyhow::Result<Self> {
        Self::of_services(with_database(), tool, settings)
    }

    pub fn of_services(
        services: impl Iterator<Item = &'static Service>,
        tool: &str,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let pools = services.map(|service| Ok((service, service.pool(tool, POOL_SIZE, settings)?)));
        Ok(Self { pools: pools.collect::<anyhow::Result<_>>()? })
    }

    pub fn get(&self, service: &'static Service) -> anyhow::Result<&Database> {
        self.pools.get(service).with_context(|| format!("no database of {service}"))
    }

    pub fn has(&self, service: &'static Service) -> bool {
        self.pools.contains_key(service)
    }

    pub fn has_named(&self, service: &str) -> bool {
        registry::find(service).is_some_and(|service| self.has(service))
    }

    /// Returns the services with an outbox; iam only if its database is among these.
    pub fn with_outbox(&self) -> impl Iterator<Item = &'static Service> {
        let is_read = |service: &&'static Service| **service != iam::SERVICE || self.has(service);
        with_database().filter(|service| service.has_table("outbox")).filter(is_read)
    }

    pub fn named(&self, service: &str) -> anyhow::Result<&Database> {
        self.get(registry::find(service).context("there is no such service")?)
    }

    /// Waits for the servers and applies all migrations.
    pub async fn migrate(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        let all = self.pools.iter().filter_map(|(service, pool)| Some((pool, service.migrations()?)));
        let all = all.map(|(pool, migrations)| postgres::migrate(pool, migrations, stop));
        try_join_all(all).await?;
        Ok(())
    }

    pub async fn close(self) {
        join_all(self.pools.values().map(Database::close)).await;
    }
}

impl FromIterator<(&'static Service, Database)> for Databases {
    fn from_iter<I: IntoIterator<Item = (&'static Service, Database)>>(pools: I) -> Self {
        Self { pools: pools.into_iter().collect() }
    }
}
