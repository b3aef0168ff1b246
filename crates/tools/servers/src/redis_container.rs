//! Redis in a container, for machines without an installed Redis. Its data is lost when the container ends.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use anyhow::Context as _;
use tokio::time::Instant;

use crate::docker::{self, COMMAND_TIMEOUT};

const IMAGE: &str = "redis:8";
const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

/// A running server. Dropping this value removes the server, ignoring errors.
pub struct RedisContainer {
    pub url: String,
    id: String,
}

impl RedisContainer {
    /// Starts a server that writes each change to disk before it answers, like [`redis::start`](crate::redis::start).
    /// Fails if no engine answers, or if the image neither exists nor can be pulled.
    pub async fn start() -> anyhow::Result<Self> {
        docker::available(IMAGE).await?;
        docker::sweep().await?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let (port, published) = (address.port().to_string(), format!("{address}:{}", address.port()));
        let [owner, host] = docker::labels();
        let mut arguments = vec!["run", "--detach", "--label", &owner, "--label", &host];
        // A published port costs each command an additional hop through another process.
        if cfg!(target_os = "linux") {
            arguments.extend(["--network", "host"]);
        } else {
            arguments.extend(["--publish", &published]);
        }
        let bind = if cfg!(target_os = "linux") { "127.0.0.1" } else { "0.0.0.0" };
        arguments.extend([IMAGE, "redis-server", "--bind", bind, "--port", &port, "--protected-mode", "no"]);
        arguments.extend(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        let id = docker::run(&arguments, COMMAND_TIMEOUT).await.context("starting Redis in a container")?;
        let server = Self { url: format!("redis://{address}"), id };
        server.wait().await?;
        Ok(server)
    }

    pub async fn remove(mut self) -> anyhow::Result<()> {
        docker::remove(&std::mem::take(&mut self.id)).await
    }

    async fn wait(&self) -> anyhow::Result<()> {
        let client = redis::Client::open(self.url.as_str())?;
        let deadline = Instant::now() + STARTUP_TIMEOUT;
        while !crate::redis::answers(&client).await {
            anyhow::ensure!(
                Instant::now() < deadline,
                "Redis in its container does not answer within {STARTUP_TIMEOUT:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

impl Drop for RedisContainer {
    fn drop(&mut self) {
        if !self.id.is_empty() {
            docker::remove_blocking(&self.id);
        }
    }
}
