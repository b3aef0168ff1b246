//! Where the servers of a run come from: given, from containers, or from programs on this machine.

use std::sync::Mutex;

use anyhow::Context as _;
use tokio::sync::OnceCell;

use crate::{
    containers, programs,
    run::{Run, say},
    server::Server,
};

static POSTGRES: OnceCell<String> = OnceCell::const_new();
static REDIS: OnceCell<String> = OnceCell::const_new();
static KAFKA: OnceCell<String> = OnceCell::const_new();
/// Why there is none, so that the second test that wants it fails as fast as it can.
static FAILED: Mutex<Option<String>> = Mutex::new(None);

/// Where the run's server is. Panics where there is none, saying what to do.
pub async fn address(server: Server) -> String {
    let cell = match server {
        Server::Postgres => &POSTGRES,
        Server::Redis => &REDIS,
        Server::Kafka => &KAFKA,
    };
    let address = cell.get_or_try_init(|| async move {
        // A runtime of its own: what is made here outlives the test that asks first.
        tokio::task::spawn_blocking(move || provide(server)).await.context("starting a server")?
    });
    match address.await {
        Ok(address) if address == programs::MOCK => programs::mock().brokers.clone(),
        Ok(address) => address.clone(),
        Err(error) => panic!("{error:#}"),
    }
}

/// The Kafka in this process, where that is what the run uses.
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

/// The server's address, and where it is from.
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
