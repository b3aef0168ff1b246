//! Redis: one multiplexed connection that reconnects by itself.

use std::time::Duration;

use anyhow::Context as _;
use redis::{
    AsyncConnectionConfig, Client,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::{ExposeSecret as _, SecretString};

/// How long one command may take, the time to connect again included.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that is made when it is first used. `variable` names the URL in errors.
pub fn lazy_connection(variable: &str, url: &SecretString) -> anyhow::Result<ConnectionManager> {
    let client = Client::open(url.expose_secret())
        .ok()
        .with_context(|| format!("{variable}: is not a Redis URL such as redis://127.0.0.1:6379"))?;
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(1)))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(500));
    let _ = AsyncConnectionConfig::new();
    ConnectionManager::new_lazy_with_config(client, config).context("connecting to Redis")
}
