//! Redis with the options of compose and the users of production, started by `deploy/redis/start.sh`.

use anyhow::Context as _;
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt as _,
    bollard::query_parameters::{KillContainerOptions, RestartContainerOptions, StartContainerOptions},
    core::{IntoContainerPort as _, client::docker_client_instance},
};

use crate::{
    containers::{answers, launch, sweep},
    test_run::Run,
};

const PASSWORD: &str = "of-a-test";
const SCRIPT: &str = "/etc/shipyard/start.sh";
const START: &str = include_str!("../../../../deploy/redis/start.sh");
const COMPOSE: &str = include_str!("../../../../deploy/compose/infrastructure.yaml");

/// A server of one test, which keeps its data and its address over a restart. Dropping it removes the container.
pub struct GuardedRedis {
    /// The URL of iam's user.
    pub url: String,
    container: ContainerAsync<GenericImage>,
}

/// Starts a server; returns `None` without a container engine, and panics if the server does not start.
pub async fn guarded_redis() -> Option<GuardedRedis> {
    sweep().await.ok()?;
    match start().await {
        Ok(server) => Some(server),
        Err(error) => panic!("{error:#}"),
    }
}

async fn start() -> anyhow::Result<GuardedRedis> {
    let (_, options) = COMPOSE.split_once("start.sh redis-server ").context("compose starts Redis")?;
    let (options, _) = options.split_once("${TLS_REDIS_SETTINGS-}").context("the settings of TLS are last")?;
    let options = options.split_whitespace().map(|option| option.trim_matches('"'));
    // An engine may choose another port at each start.
    let port = servers::free_address()?.port();
    let image = GenericImage::new("redis", "8")
        .with_mapped_port(port, 6379.tcp())
        .with_copy_to(SCRIPT, START.as_bytes().to_vec())
        .with_cmd(["sh", SCRIPT, "redis-server"].into_iter().chain(options));
    let image = ["IAM_REDIS", "ORDER_REDIS", "OPERATOR_REDIS", "OUTSIDE"]
        .into_iter()
        .fold(image, |image, user| image.with_env_var(format!("{user}_PASSWORD"), PASSWORD));
    let (container, name) = launch(image, Run::current()).await?;
    let url = format!("redis://iam:{PASSWORD}@{}:{port}", container.get_host().await?);
    let client = redis::Client::open(url.as_str())?;
    answers(&container, &name, async || {
        let mut connection = client.get_multiplexed_async_connection().await?;
        Ok(redis::cmd("PING").exec_async(&mut connection).await?)
    })
    .await?;
    Ok(GuardedRedis { url, container })
}

impl GuardedRedis {
    /// Stops the server cleanly and starts it again, like `docker restart`.
    pub async fn restart(&self) -> anyhow::Result<()> {
        let engine = docker_client_instance().await?;
        Ok(engine.restart_container(self.container.id(), None::<RestartContainerOptions>).await?)
    }

    /// Kills the server like `kill -9`, and starts it again.
    pub async fn kill(&self) -> anyhow::Result<()> {
        let engine = docker_client_instance().await?;
        engine.kill_container(self.container.id(), None::<KillContainerOptions>).await?;
        Ok(engine.start_container(self.container.id(), None::<StartContainerOptions>).await?)
    }
}
