//! Test servers in containers: one of each kind per run, labelled with the run.

use std::{collections::HashMap, net::TcpListener, time::Duration};

use anyhow::Context as _;
use servers::kafka::container::{ENVIRONMENT, IMAGE, LOG4J, LOG4J_PATH, ask};
use sqlx::Connection as _;
use testcontainers::{
    ContainerAsync, ContainerRequest, GenericImage, ImageExt as _,
    bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder},
    core::{IntoContainerPort as _, Mount, client::docker_client_instance},
    runners::AsyncRunner as _,
};
use tokio::sync::OnceCell;

use crate::test_run::{self, Run, Server};

/// The label with the run that owns the container.
const LABEL: &str = "shipyard.testkit";
const PULL_TIMEOUT: Duration = Duration::from_mins(5);
/// The timeout for a server's first response.
const STARTUP_TIMEOUT: Duration = Duration::from_mins(1);

/// The listener over which the broker calls itself, to verify and to end transactions. Inside its container it cannot
/// reach the address that it advertises to the tests.
const INSIDE: &str = "INSIDE";
const LISTENERS: [(&str, &str); 3] = [
    ("KAFKA_LISTENERS", "PLAINTEXT://:9092,INSIDE://:19092,CONTROLLER://:9093"),
    ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT"),
    ("KAFKA_INTER_BROKER_LISTENER_NAME", INSIDE),
];

/// Starts the run's `server`, and waits until it responds. Returns its address and image.
pub async fn start(server: Server, run: &Run) -> anyhow::Result<(String, String)> {
    sweep().await.context("no container engine answers")?;
    match server {
        Server::Postgres => postgres(run).await,
        Server::Redis => redis(run, &[]).await,
        Server::SmallRedis => redis(run, &["--maxmemory", "8mb", "--maxmemory-policy", "noeviction"]).await,
        Server::Kafka => kafka(run).await,
    }
}

/// Removes the containers of runs that have ended.
pub(crate) async fn sweep() -> anyhow::Result<()> {
    let engine = docker_client_instance().await?;
    tokio::time::timeout(Duration::from_secs(10), engine.ping()).await??;
    let filter = HashMap::from([("label".to_owned(), vec![LABEL.to_owned()])]);
    let ours = format!("{}-", test_run::host());
    for container in
        engine.list_containers(Some(ListContainersOptionsBuilder::new().all(true).filters(&filter).build())).await?
    {
        let owner =
            container.labels.as_ref().and_then(|labels| labels.get(LABEL)).and_then(|run| run.strip_prefix(&ours));
        if let (Some(owner), Some(id)) = (owner, &container.id)
            && !test_run::is_alive(owner)
        {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            let _ = engine.remove_container(id, Some(options)).await;
        }
    }
    Ok(())
}

/// Runs `start` once per test binary. Returns `None` without a container engine; panics if `start` fails.
pub(crate) async fn once<T, F>(cell: &OnceCell<Option<T>>, start: fn() -> F) -> Option<T>
where
    T: Clone + Send + 'static,
    F: Future<Output = anyhow::Result<T>> + 'static,
{
    let make = async || {
        // A separate runtime starts the container, which outlives the test that starts it.
        let made = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { if sweep().await.is_ok() { start().await.map(Some) } else { Ok(None) } })
        });
        match made.await.context("starting a container").flatten() {
            Ok(made) => made,
            Err(error) => panic!("{error:#}"),
        }
    };
    cell.get_or_init(make).await.clone()
}

async fn postgres(run: &Run) -> anyhow::Result<(String, String)> {
    // No data outlives the run, so durability is not needed. The files are in memory, since each test creates a
    // database of its own, which has 300 files.
    let options = "fsync=off full_page_writes=off synchronous_commit=off max_connections=500 jit=off shared_buffers=64MB \
                   max_wal_size=128MB \
                   log_parameter_max_length=0 log_parameter_max_length_on_error=0 log_error_verbosity=terse";
    let image = GenericImage::new("postgres", "17")
        .with_exposed_port(5432.tcp())
        .with_env_var("POSTGRES_PASSWORD", "test")
        .with_mount(Mount::tmpfs_mount("/var/lib/postgresql/data"))
        .with_cmd(["postgres"].into_iter().chain(options.split(' ').flat_map(|option| ["-c", option])));
    let (container, name) = launch(image, run).await?;
    let url = format!("postgres://postgres:test@{}/postgres", published(&container, 5432).await?);
    answers(&container, &name, async || {
        let connection = sqlx::PgConnection::connect(&url).await?;
        Ok(connection.close().await?)
    })
    .await?;
    keep(container);
    Ok((url, name))
}

async fn redis(run: &Run, options: &[&str]) -> anyhow::Result<(String, String)> {
    let image = GenericImage::new("redis", "8").with_exposed_port(6379.tcp());
    let image = image.with_cmd(["redis-server", "--save", ""].iter().chain(options).copied());
    let (container, name) = launch(image, run).await?;
    let url = format!("redis://{}", published(&container, 6379).await?);
    let client = redis::Client::open(url.as_str())?;
    answers(&container, &name, async || {
        let mut connection = client.get_multiplexed_async_connection().await?;
        Ok(redis::cmd("PING").exec_async(&mut connection).await?)
    })
    .await?;
    keep(container);
    Ok((url, name))
}

async fn kafka(run: &Run) -> anyhow::Result<(String, String)> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        // The broker must advertise its port, so the port is chosen before the broker starts. Another program may take
        // it meanwhile.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let advertised = format!("PLAINTEXT://127.0.0.1:{port},{INSIDE}://localhost:19092");
        match launch(broker(&[(port, 9092)], &advertised, &LISTENERS), run).await {
            Ok((container, name)) => {
                let brokers = format!("127.0.0.1:{port}");
                answers(&container, &name, async || ask(&brokers)).await?;
                keep(container);
                return Ok((brokers, name));
            }
            Err(error) if attempts == 3 => return Err(error),
            Err(_) => {}
        }
    }
}

/// Returns a broker with these settings, whose listeners' ports are published: each port of this machine with that of
/// the container.
pub(crate) fn broker(
    ports: &[(u16, u16)],
    advertised: &str,
    settings: &[(&str, &str)],
) -> ContainerRequest<GenericImage> {
    let image = GenericImage::new(IMAGE.0, IMAGE.1)
        .with_copy_to(LOG4J_PATH, LOG4J.as_bytes().to_vec())
        .with_env_var("KAFKA_ADVERTISED_LISTENERS", advertised);
    let image = ports.iter().fold(image, |image, (own, inside)| image.with_mapped_port(*own, inside.tcp()));
    // The last value of a variable counts.
    ENVIRONMENT.iter().chain(settings).fold(image, |image, (name, value)| image.with_env_var(*name, *value))
}

pub(crate) async fn launch(
    image: impl Into<ContainerRequest<GenericImage>>,
    run: &Run,
) -> anyhow::Result<(ContainerAsync<GenericImage>, String)> {
    let request = image.into().with_label(LABEL, &run.id).with_startup_timeout(STARTUP_TIMEOUT);
    let name = request.descriptor();
    let container = tokio::time::timeout(PULL_TIMEOUT, request.start())
        .await
        .with_context(|| format!("pulling {name} takes too long"))?
        .with_context(|| format!("starting a container of {name}"))?;
    Ok((container, name))
}

pub(crate) async fn published(container: &ContainerAsync<GenericImage>, port: u16) -> anyhow::Result<String> {
    Ok(format!("{}:{}", container.get_host().await?, container.get_host_port_ipv4(port.tcp()).await?))
}

/// Waits until the server responds. If its container exits, fails with its last log line.
pub(crate) async fn answers(
    container: &ContainerAsync<GenericImage>,
    name: &str,
    ask: impl AsyncFn() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + STARTUP_TIMEOUT;
    while let Err(error) = ask().await {
        if !container.is_running().await? {
            let said = [container.stdout_to_vec().await?, container.stderr_to_vec().await?].concat();
            let said = String::from_utf8_lossy(&said);
            anyhow::bail!("the container of {name} ended: {}", said.trim_end().lines().next_back().unwrap_or_default());
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(error).with_context(|| format!("the container of {name} does not answer"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Keeps the container running for other test binaries; the watchdog removes it.
pub(crate) fn keep(container: ContainerAsync<GenericImage>) {
    std::mem::forget(container);
}
