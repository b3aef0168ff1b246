//! Servers from programs on this machine, for where there are no containers.

use std::{path::Path, sync::OnceLock};

use anyhow::Context as _;
use servers::{apt, kafka, postgres, redis};

use crate::{run::Run, server::Server};

/// Stands for the address of the Kafka in each test binary's own process.
pub const MOCK: &str = "mock";

/// Starts the run's `server`: its address, and what it is.
pub async fn start(server: Server, run: &Run) -> anyhow::Result<(String, String)> {
    match server {
        Server::Postgres => start_postgres(run).await,
        Server::Redis => start_redis(run).await,
        Server::Kafka => Ok((MOCK.to_owned(), "librdkafka's mock cluster".to_owned())),
    }
}

/// This process' Kafka. Its topics and groups are its own, as those of every test are.
pub fn mock() -> &'static kafka::Mock {
    static MOCK: OnceLock<kafka::Mock> = OnceLock::new();
    MOCK.get_or_init(|| kafka::start_mock(&[], 1).expect("librdkafka's mock cluster starts"))
}

async fn start_postgres(run: &Run) -> anyhow::Result<(String, String)> {
    // The names of data and pid files are those that the watchdog knows.
    let data = run.directory.join("postgres.data");
    let settings =
        [("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "off"), ("max_connections", "500")];
    let options = postgres::Options { data: data.clone(), mortal: false, settings: settings.to_vec() };
    let server = postgres::start(&options).await?;
    let pid = std::fs::read_to_string(data.join("data/postmaster.pid"))?;
    std::fs::write(run.directory.join("postgres.pid"), pid.lines().next().context("the server has a pid")?)?;
    let program = server.binaries.directory.display().to_string();
    let url = server.url.clone();
    // Other test binaries of the run use it too, and the watchdog ends it.
    std::mem::forget(server);
    Ok((url, program))
}

async fn start_redis(run: &Run) -> anyhow::Result<(String, String)> {
    if redis::program().is_none() {
        apt::install("redis-server").await?;
    }
    let program = redis::program().unwrap_or_default();
    let options = redis::Options { data: run.directory.join("redis.data"), mortal: false };
    let server = redis::start(&options).await?.context("there is no redis-server or valkey-server")?;
    link(&options.data.join("pid"), &run.directory.join("redis.pid"))?;
    let url = server.url.clone();
    std::mem::forget(server);
    Ok((url, program.display().to_string()))
}

fn link(original: &Path, link: &Path) -> anyhow::Result<()> {
    std::os::unix::fs::symlink(original, link).with_context(|| link.display().to_string())
}
