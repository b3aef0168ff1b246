//! Redis: one multiplexed connection that reconnects by itself.

use std::time::Duration;

use anyhow::Context as _;
use redis::{
    Client, IntoConnectionInfo as _,
    aio::{ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use crate::health::Condition;

/// How long one command may take, the time to connect again included.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that is made when it is first used. `variable` names the URL in errors.
pub fn lazy_connection(variable: &str, url: &SecretString) -> anyhow::Result<ConnectionManager> {
    // A command is not held back for the next one, and a dead link is given up.
    let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(Duration::from_secs(5));
    let client = url
        .expose_secret()
        .into_connection_info()
        .and_then(|info| Client::open(info.set_tcp_settings(tcp)))
        .ok()
        .with_context(|| format!("{variable}: is not a Redis URL such as redis://127.0.0.1:6379"))?;
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(1)))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(500));
    ConnectionManager::new_lazy_with_config(client, config).context("connecting to Redis")
}

/// Keeps a readiness condition true to whether the server answers, asking every two seconds.
pub async fn watch(
    mut connection: ConnectionManager,
    reachable: Condition,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut silent = false;
    loop {
        let answer = tokio::time::timeout(RESPONSE_TIMEOUT, ping(&mut connection)).await;
        let problem = match answer {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer in time".to_owned()),
        };
        reachable.set(problem.is_none());
        if let Some(problem) = problem.as_ref().filter(|_| !silent) {
            tracing::warn!(problem, "Redis is not reachable");
        }
        silent = problem.is_some();
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// A stale connection fails once; the next is new.
async fn ping(connection: &mut ConnectionManager) -> redis::RedisResult<()> {
    let ping = redis::cmd("PING");
    match ping.query_async(connection).await {
        Err(error) if error.is_connection_dropped() => ping.query_async(connection).await,
        outcome => outcome,
    }
}
