//! PostgreSQL, Redis and Kafka on this machine, for one run. They are as durable as with `shipyard up`.

use std::path::Path;

use anyhow::Context as _;
use futures::future::try_join_all;
use operations::registry::with_database;
use platform::{kafka, postgres::Database, server::service::Service};
use secrecy::SecretString;
use servers::{
    advice,
    kafka::container,
    postgres::{self, Postgres},
    redis::{self, Redis},
};

/// PostgreSQL's connection limit: for all pools of the shop, its listening and monitoring connections, and the pools of
/// the denominators.
const CONNECTIONS: &str = "300";
/// PostgreSQL's own defaults for memory and for the WAL between two checkpoints, which `cargo run` reduces: after each
/// checkpoint, the first change of a page writes the whole page to the WAL.
const DEFAULTS: [(&str, &str); 2] = [("shared_buffers", "128MB"), ("max_wal_size", "1GB")];
/// Makes PostgreSQL record each transaction's commit time, from which P3 takes its latencies.
const COMMIT_TIMES: (&str, &str) = ("track_commit_timestamp", "on");
/// The database of the denominators.
const OWN: &str = "bench";

pub struct Servers {
    postgres: Postgres,
    redis: Redis,
    pub broker: container::Broker,
    pub databases: Vec<(&'static Service, String)>,
    own_url: String,
}

impl Servers {
    /// Starts all three servers. An error names the server that failed.
    pub async fn start(directory: &Path) -> anyhow::Result<Self> {
        let mut options = postgres::Options::new(directory.join("postgres"));
        options.settings.push(("max_connections", CONNECTIONS));
        options.settings.extend(DEFAULTS);
        options.settings.push(COMMIT_TIMES);
        let postgres = postgres::start(&options).await.context("the benchmark needs PostgreSQL")?;
        let databases = with_database().map(async |service| {
            let url = postgres::ensure_database(&postgres.url, service.name).await?;
            anyhow::Ok((service, url))
        });
        let databases = try_join_all(databases).await.context("making the databases")?;
        let own_url = postgres::ensure_database(&postgres.url, OWN).await.context("making the database bench")?;
        let options = redis::Options { data: directory.join("redis"), mortal: true };
        let needs = || format!("the benchmark needs Redis: run `{}`", advice("redis-server"));
        let redis = redis::start(&options).await?.with_context(needs)?;
        let broker = start_kafka().await.context("the benchmark needs Kafka in a container")?;
        let servers = Self { postgres, redis, broker, databases, own_url };
        servers.check_durability().await?;
        Ok(servers)
    }

    pub fn redis_url(&self) -> &str {
        &self.redis.url
    }

    /// Returns the Kafka configuration of this program's clients.
    pub fn kafka(&self) -> anyhow::Result<kafka::Config> {
        let brokers = ("KAFKA_BROKERS", self.broker.address().to_string());
        Ok(kafka::Config::load(&platform::config::Settings::from_variables([brokers]))?)
    }

    /// Opens a small pool to a service's database, to inspect it.
    pub fn database(&self, service: &Service) -> anyhow::Result<Database> {
        let url = self.databases.iter().find(|(one, _)| *one == service);
        let (_, url) = url.with_context(|| format!("{service} has no database"))?;
        Database::lazy("bench", "the database's URL", &SecretString::from(url.as_str()), 2)
    }

    /// Returns a pool of this size to the benchmark's own database.
    pub fn pool(&self, size: u32) -> anyhow::Result<Database> {
        Database::lazy("bench", "the database's URL", &SecretString::from(self.own_url.as_str()), size)
    }

    /// Creates an additional database if necessary. Returns its URL.
    pub async fn extra(&self, name: &str) -> anyhow::Result<String> {
        postgres::ensure_database(&self.postgres.url, name).await.with_context(|| format!("making the database {name}"))
    }

    /// Returns a pool of this size to an additional database, which is created if necessary.
    pub async fn extra_database(&self, name: &str, size: u32) -> anyhow::Result<Database> {
        let url = SecretString::from(self.extra(name).await?);
        Database::lazy("bench", "the database's URL", &url, size)
    }

    /// Fails if PostgreSQL does not flush each commit.
    async fn check_durability(&self) -> anyhow::Result<()> {
        let database = self.pool(1)?;
        let setting = async |name: &'static str| -> anyhow::Result<String> {
            Ok(sqlx::query_scalar("select current_setting($1)").bind(name).fetch_one(&database).await?)
        };
        let (fsync, commit) = (setting("fsync").await?, setting("synchronous_commit").await?);
        anyhow::ensure!(
            fsync == "on" && commit == "on",
            "fsync is {fsync}, synchronous_commit is {commit}: not durable"
        );
        database.close().await;
        Ok(())
    }

    pub async fn stop(self) {
        let _ = self.broker.remove().await;
        self.redis.stop().await;
        self.postgres.stop().await;
    }
}

async fn start_kafka() -> anyhow::Result<container::Broker> {
    container::available().await?;
    container::sweep().await?;
    let options =
        container::Options { label: "bench".to_owned(), advertised: None, on_host: true, variables: Vec::new() };
    container::Broker::start(options).await
}
