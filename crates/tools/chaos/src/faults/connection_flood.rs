//! A flood of connections that occupies every connection slot of PostgreSQL.

use std::time::Duration;

use anyhow::ensure;
use futures::future::join_all;
use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;

/// The flood must occupy all slots within this time.
const FLOOD_TIMEOUT: Duration = Duration::from_secs(40);
/// The number of connections that are opened concurrently.
const MAX_CONCURRENT_OPENS: usize = 8;

/// Open connections, which occupy their slots until this value is dropped.
pub struct ConnectionFlood {
    connections: Vec<PgConnection>,
}

impl ConnectionFlood {
    /// Terminates other clients' connections at `url` until this flood occupies every slot. Fails after forty seconds.
    pub async fn fill(url: &str) -> anyhow::Result<Self> {
        let until = Instant::now() + FLOOD_TIMEOUT;
        let mut first = PgConnection::connect(url).await?;
        let places: i32 =
            sqlx::query_scalar("select current_setting('max_connections')::int").fetch_one(&mut first).await?;
        let places = usize::try_from(places)?;
        let mut flood = Self { connections: vec![first] };
        // The services reconnect at once, and take some of the slots first.
        while flood.connections.len() < places {
            ensure!(Instant::now() < until, "{} connections of {places} are the flood's", flood.connections.len());
            flood.terminate_others().await?;
            loop {
                let came = join_all((0..MAX_CONCURRENT_OPENS).map(|_| PgConnection::connect(url))).await;
                let before = flood.connections.len();
                flood.connections.extend(came.into_iter().flatten());
                if flood.connections.len() < before + MAX_CONCURRENT_OPENS {
                    break;
                }
            }
        }
        Ok(flood)
    }

    async fn terminate_others(&mut self) -> anyhow::Result<()> {
        let others = "select pg_terminate_backend(pid) from pg_stat_activity
            where backend_type = 'client backend' and datname <> current_database()";
        sqlx::query(others).execute(&mut self.connections[0]).await?;
        Ok(())
    }

    pub async fn release(self) {
        join_all(self.connections.into_iter().map(PgConnection::close)).await;
    }
}
