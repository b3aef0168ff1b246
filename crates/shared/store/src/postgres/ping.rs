//! Checks the server's health by a ping every second on a connection of its own, marks the pool's connections as stale
//! when a ping fails, and closes idle connections.

use std::time::Duration;

use base::{outage::Outage, readiness::Condition};
use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{Database, error::is_untrusted};

/// The server counts as unreachable if it has not responded to a ping after this time. A statement may take longer.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// Sets a readiness condition while the database responds, marks the pool's connections as stale when the path is
/// lost, and closes those that were idle for long.
///
/// If the connection of the check breaks, for example because the server restarted, idle connections of the pool are
/// replaced before a request uses them. If a ping is not answered, statements that wait on connections as old as the
/// ping also fail, except on those that answered meanwhile, and on younger ones.
pub async fn watch(database: Database, reachable: Condition, stop: CancellationToken) -> anyhow::Result<()> {
    let mut connection = None;
    let options = database.connect_options();
    let mut untrusted = Outage::new("PostgreSQL over TLS", format!("{}:{}", options.get_host(), options.get_port()));
    loop {
        database.close_idle();
        tokio::select! {
            alive = beat(&database, &mut connection, &mut untrusted) => reachable.set(alive),
            () = stop.cancelled() => return Ok(()),
        }
        tokio::select! {
            () = tokio::time::sleep(PING_INTERVAL) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Returns true if the server responds to a ping or accepts a new connection.
async fn beat(database: &Database, connection: &mut Option<PgConnection>, untrusted: &mut Outage) -> bool {
    if let Some(known) = connection {
        let asked = Instant::now();
        database.path().ping_sent(asked);
        match timeout(PING_TIMEOUT, known.ping()).await {
            Ok(Ok(())) => {
                database.path().ping_answered();
                return true;
            }
            Ok(Err(_)) => database.path().is_stale_since(asked),
            Err(_) => database.path().ping_unanswered(),
        }
        *connection = None;
    }
    let connected = timeout(PING_TIMEOUT, database.connect()).await;
    match &connected {
        Ok(Ok(_)) => untrusted.over(),
        Ok(Err(error)) if is_untrusted(error) => untrusted.met(error),
        _ => {}
    }
    *connection = connected.ok().and_then(Result::ok);
    connection.is_some()
}
