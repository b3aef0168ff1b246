//! Test servers from local programs, for machines without containers.

use std::{path::Path, sync::OnceLock};

use anyhow::Context as _;
use servers::{advice, kafka, postgres, redis};

use crate::test_run::{Run, Server};

/// A placeholder address: each test binary starts its own mock Kafka.
pub const MOCK: &str = "mock";

/// Starts the run's `server`. Returns its address and program.
pub async fn start(server: Server, run: &Run) -> anyhow::Result<(String, String)> {
    match server {
        Server::Postgres => start_postgres(run).await,
        Server::Redis => start_redis(server, run).await,
        Server::SmallRedis => {
            let (url, program) = start_redis(server, run).await?;
            limit(&url).await?;
            Ok((url, program))
        }
        Server::Kafka => Ok((MOCK.to_owned(), "librdkafka's mock cluster".to_owned())),
    }
}

/// Returns the mock Kafka of this process. Processes need not share a mock, since every test uses its own topics and
/// groups.
pub fn mock() -> &'static kafka::Mock {
    static MOCK: OnceLock<kafka::Mock> = OnceLock::new();
    MOCK.get_or_init(|| kafka::start_mock(&[], 1).expect("librdkafka's mock cluster starts"))
}

async fn start_postgres(run: &Run) -> anyhow::Result<(String, String)> {
    // The watchdog depends on the names of the data directory and of the pid files.
    let data = run.directory.join("postgres.data");
    let settings =
        [("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "off"), ("max_connections", "500")];
    let options = postgres::Options { data: data.clone(), mortal: false, settings: settings.to_vec() };
    let server = postgres::start(&options).await?;
    let pid = std::fs::read_to_string(data.join("data/postmaster.pid"))?;
    std::fs::write(run.directory.join("postgres.pid"), pid.lines().next().context("the server has a pid")?)?;
    let program = server.binaries.directory.display().to_string();
    let url = server.url.clone();
    // `forget` keeps the server running for other test binaries; the watchdog stops it.
    std::mem::forget(server);
    Ok((url, program))
}

async fn start_redis(server: Server, run: &Run) -> anyhow::Result<(String, String)> {
    let missing = || format!("there is no redis-server or valkey-server: run `{}`", advice("redis-server"));
    let program = redis::program().with_context(missing)?;
    let options = redis::Options { data: run.directory.join(format!("{}.data", server.name())), mortal: false };
    let pid = run.directory.join(format!("{}.pid", server.name()));
    let server = redis::start(&options).await?.with_context(missing)?;
    link(&options.data.join("pid"), &pid)?;
    let url = server.url.clone();
    std::mem::forget(server);
    Ok((url, program.display().to_string()))
}

async fn limit(url: &str) -> anyhow::Result<()> {
    let mut connection = ::redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    for (name, value) in [("maxmemory", "8mb"), ("maxmemory-policy", "noeviction")] {
        ::redis::cmd("CONFIG").arg(&["SET", name, value]).exec_async(&mut connection).await?;
    }
    Ok(())
}

fn link(original: &Path, link: &Path) -> anyhow::Result<()> {
    std::os::unix::fs::symlink(original, link).with_context(|| link.display().to_string())
}
