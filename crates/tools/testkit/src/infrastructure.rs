//! Finds or starts the servers of a test run: configured ones, containers, or local programs.

use std::sync::Mutex;

use anyhow::Context as _;
use tokio::sync::OnceCell;

use crate::{
    containers, programs,
    test_run::{Run, Server, say},
};

static POSTGRES: OnceCell<String> = OnceCell::const_new();
static REDIS: OnceCell<String> = OnceCell::const_new();
static SMALL_REDIS: OnceCell<String> = OnceCell::const_new();
static KAFKA: OnceCell<String> = OnceCell::const_new();
/// The first failure to provide a server. Later tests fail with it immediately.
static FAILED: Mutex<Option<String>> = Mutex::new(None);

/// Returns the address of the run's server. Panics with advice if there is none.
pub async fn address(server: Server) -> String {
    let cell = match server {
        Server::Postgres => &POSTGRES,
        Server::Redis => &REDIS,
        Server::SmallRedis => &SMALL_REDIS,
        Server::Kafka => &KAFKA,
    };
    let address = cell.get_or_try_init(|| async move {
        // A separate runtime starts the server, which outlives the test that starts it.
        tokio::task::spawn_blocking(move || provide(server)).await.context("starting a server")?
    });
    match address.await {
        Ok(address) if address == programs::MOCK => programs::mock().brokers.clone(),
        Ok(address) => address.clone(),
        Err(error) => panic!("{error:#}"),
    }
}

/// Returns the mock Kafka of this process, if the run uses one.
pub fn mock() -> Option<&'static servers::kafka::Mock> {
    KAFKA.get().filter(|address| *address == programs::MOCK).map(|_| programs::mock())
}

fn provide(server: Server) -> anyhow::Result<String> {
    if let Some(problem) = FAILED.lock().ok().and_then(|failed| failed.clone()) {
        anyhow::bail!(problem);
    }
    let run = Run::current();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = run.once(server.name(), || {
        let (address, origin) = runtime.block_on(find(server, run))?;
        say(&format!("{server:?} {origin}"));
        Ok(address)
    });
    if let (Err(error), Ok(mut failed)) = (&outcome, FAILED.lock()) {
        *failed = Some(format!("{error:#}"));
    }
    outcome
}

/// Finds or starts the server. Returns its address and origin.
async fn find(server: Server, run: &Run) -> anyhow::Result<(String, String)> {
    if let Ok(given) = std::env::var(server.variable()) {
        return Ok((given, format!("as given by {}", server.variable())));
    }
    let reason = match containers::start(server, run).await {
        Ok((address, image)) => return Ok((address, format!("in a container of {image}"))),
        Err(error) => format!("{error:#}"),
    };
    let (address, program) = programs::start(server, run).await.with_context(|| {
        format!("no {server:?} for tests: {reason}; start a container engine, or set {}", server.variable())
    })?;
    Ok((address, format!("by {program} ({reason})")))
}

/// A Redis that other tests use, too. Use a random key prefix.
pub struct Redis {
    pub url: String,
}

pub async fn redis() -> Redis {
    Redis { url: address(Server::Redis).await }
}

/// Returns a server with 8 MB of memory, for tests that change its settings. Only one such test may run at a time.
pub async fn small_redis() -> Redis {
    Redis { url: address(Server::SmallRedis).await }
}
