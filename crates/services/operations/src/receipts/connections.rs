//! One kept connection to each database, for reads that a user waits for.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use platform::{config::Settings, postgres::Database, server::service::Service};
use sqlx::PgConnection;
use tokio::{sync::Mutex, time::timeout};

/// In milliseconds. PostgreSQL cancels a statement that runs longer.
const STATEMENT_TIMEOUT: &str = "2000";
/// The time limit for reading one database: waiting for the connection, opening it, and all statements.
const READ_TIMEOUT: Duration = Duration::from_millis(2_500);

pub struct Connections {
    /// By the name of the service.
    databases: BTreeMap<&'static str, OpenDatabase>,
}

struct OpenDatabase {
    service: &'static Service,
    database: Database,
    connection: Mutex<Option<PgConnection>>,
}

impl Connections {
    pub fn new(
        tool: &str,
        services: impl Iterator<Item = &'static Service>,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let kept = services.map(|service| {
            // Every statement uses its index, regardless of the planner's statistics.
            let database = service.pool(tool, 1, settings)?.with_stable_plans();
            database.set([("statement_timeout", STATEMENT_TIMEOUT)]);
            Ok((service.name, OpenDatabase { service, database, connection: Mutex::default() }))
        });
        Ok(Self { databases: kept.collect::<anyhow::Result<_>>()? })
    }

    pub fn services(&self) -> impl Iterator<Item = &'static Service> {
        self.databases.values().map(|kept| kept.service)
    }

    /// Calls `work` within a snapshot of a service's database. If the kept connection fails, calls `work` again on a
    /// new one.
    pub async fn read<T>(
        &self,
        service: &'static Service,
        work: impl AsyncFn(&mut PgConnection) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let kept = self.databases.get(service.name).context("there is no such database")?;
        let reading = async {
            let mut place = kept.connection.lock().await;
            if let Some(mut connection) = place.take()
                && let Ok(read) = within_snapshot(&mut connection, &work).await
            {
                *place = Some(connection);
                return Ok(read);
            }
            let mut connection = kept.database.connect().await.context("connecting")?;
            let read = within_snapshot(&mut connection, &work).await?;
            *place = Some(connection);
            Ok(read)
        };
        timeout(READ_TIMEOUT, reading).await.unwrap_or_else(|_| anyhow::bail!("it did not answer in time"))
    }
}

async fn within_snapshot<T>(
    connection: &mut PgConnection,
    work: &impl AsyncFn(&mut PgConnection) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    sqlx::query("begin isolation level repeatable read read only").execute(&mut *connection).await?;
    let read = work(connection).await?;
    sqlx::query("commit").execute(connection).await?;
    Ok(read)
}
