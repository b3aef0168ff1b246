//! PostgreSQL, Redis and Kafka of the cluster. Each can be killed and restarted in place.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::Context as _;
use contracts::events::Topics;
use futures::future::try_join_all;
use servers::{
    advice,
    kafka::{Mock, container, start_mock},
    postgres::{self, Postgres},
    redis::{self, Redis},
    small_disk::SmallDisk,
};
use sqlx::{Connection as _, PgConnection};
use stand_ins::Proxy;

use crate::{faults::connection_flood::ConnectionFlood, recording, wait::retried};
use operations::registry::with_database;
use platform::{postgres::migrations, server::service::Service};

/// The password of every service's role, unless a fault has changed it.
pub const PASSWORD: &str = "chaos";
/// The size of PostgreSQL's disk, for all databases and their write-ahead logs.
const DISK_BYTES: u64 = 3 << 30;
/// PostgreSQL's connection limit: more than the replicas of all services and the tools open.
const CONNECTIONS: &str = "208";
/// The broker's message size limit, raised so that poison may be large.
const LARGEST: &str = "4000000";
const PARTITIONS: i32 = 6;
/// A killed PostgreSQL must restart within this time.
const RESTART_TIMEOUT: Duration = Duration::from_mins(1);

/// A container if one is wanted, and a Docker engine is available and has the image; otherwise the mock.
pub enum Broker {
    /// Apache Kafka in a container.
    Container(container::Broker),
    /// librdkafka's in-process mock cluster, which can only be cut off, and why it is used.
    Mock(Mock, String),
}

pub struct Servers {
    postgres: Option<Postgres>,
    postgres_options: postgres::Options,
    /// PostgreSQL's own disk, or the reason why it could not be mounted.
    pub disk: Result<SmallDisk, String>,
    redis: Option<Redis>,
    redis_options: redis::Options,
    pub broker: Broker,
    /// The connections of a flood, which occupy every slot of PostgreSQL.
    pub flood: Option<ConnectionFlood>,
    pub postgres_url: String,
    pub redis_url: String,
    /// The superuser's URL of each service's database.
    pub databases: Vec<(&'static Service, String)>,
    /// The URL of each service's database with the service's own role.
    pub own_databases: Vec<(&'static Service, String)>,
}

impl Servers {
    /// Starts all three servers. A container's broker advertises the address `kafka` to its clients.
    pub async fn start(directory: &Path, kafka: SocketAddr, container: bool) -> anyhow::Result<Self> {
        let mut postgres_options = postgres::Options::new(directory.join("postgres"));
        postgres_options.settings.push(("max_connections", CONNECTIONS));
        let disk = postgres::small_home(&postgres_options, DISK_BYTES).map_err(|error| format!("{error:#}"));
        let postgres = postgres::start(&postgres_options).await?;
        let databases = with_database().map(async |service| {
            let url = postgres::ensure_database(&postgres.url, service.name).await?;
            anyhow::Ok((service, url))
        });
        let databases = try_join_all(databases).await.context("making the databases")?;
        let roles = databases.iter().map(async |(service, url)| {
            let own = ensure_role(url, service).await?;
            anyhow::Ok((*service, own))
        });
        let own_databases = try_join_all(roles).await?;
        let redis_options = redis::Options { data: directory.join("redis"), mortal: true };
        let redis = redis::start(&redis_options)
            .await?
            .with_context(|| format!("this needs Redis: run `{}`", advice("redis-server")))?;
        let broker = Broker::start(kafka, container).await?;
        Ok(Self {
            postgres_url: postgres.url.clone(),
            redis_url: redis.url.clone(),
            postgres: Some(postgres),
            postgres_options,
            disk,
            redis: Some(redis),
            redis_options,
            broker,
            flood: None,
            databases,
            own_databases,
        })
    }

    /// Returns the variable and the superuser's URL of each database but this service's. Operations reads these
    /// databases for receipts, which no fault tests, so they need no links.
    pub fn others(&self, service: &Service) -> impl Iterator<Item = (String, &str)> {
        let others = self.databases.iter().filter(move |(other, _)| *other != service);
        others.map(|(other, url)| (other.variable("DATABASE_URL"), url.as_str()))
    }

    pub fn database_url(&self, service: &'static Service) -> anyhow::Result<&str> {
        let own = self.databases.iter().find(|(of, _)| *of == service);
        own.map(|(_, url)| url.as_str()).with_context(|| format!("{service} has no database"))
    }

    /// Kills PostgreSQL. Returns when all its processes have exited.
    pub async fn kill_postgres(&mut self) -> anyhow::Result<()> {
        match self.postgres.take() {
            Some(postgres) => postgres.kill().await,
            None => Ok(()),
        }
    }

    /// Starts PostgreSQL again, unless it is running.
    pub async fn start_postgres(&mut self) -> anyhow::Result<()> {
        if let Some(postgres) = &self.postgres
            && tokio::time::timeout(Duration::ZERO, postgres.ended()).await.is_err()
        {
            return Ok(());
        }
        self.postgres = None;
        let started = retried(RESTART_TIMEOUT, async || postgres::start(&self.postgres_options).await).await?;
        self.postgres = Some(started);
        Ok(())
    }

    pub async fn kill_redis(&mut self) -> anyhow::Result<()> {
        match self.redis.take() {
            Some(redis) => redis.kill().await,
            None => Ok(()),
        }
    }

    /// Deletes all data of Redis, which must not be running.
    pub async fn empty_redis(&mut self) -> anyhow::Result<()> {
        redis::empty(&self.redis_options).await
    }

    pub async fn start_redis(&mut self) -> anyhow::Result<()> {
        if self.redis.is_none() {
            self.redis = redis::start(&self.redis_options).await?;
        }
        Ok(())
    }

    /// Stops the servers without keeping their data.
    pub async fn stop(mut self) {
        let _ = self.kill_redis().await;
        if let Some(postgres) = self.postgres.take() {
            postgres.stop().await;
        }
        if let Broker::Container(broker) = self.broker {
            let _ = broker.remove().await;
        }
    }
}

/// Applies a service's migrations, adds the triggers that record transitions, and creates the service's role, which has
/// the service's name and may only read and write rows, as in the containers. `url` is the superuser's URL of the
/// database; returns the URL with the service's role.
async fn ensure_role(url: &str, service: &'static Service) -> anyhow::Result<String> {
    let mut owner = PgConnection::connect(url).await.with_context(|| format!("migrating {service}"))?;
    if let Some(own) = service.migrations() {
        migrations::apply(own, &mut owner).await.with_context(|| format!("migrating {service}"))?;
    }
    recording::install(&mut owner, service).await.with_context(|| format!("recording {service}"))?;
    owner.close().await?;
    postgres::ensure_role(url, service.name, PASSWORD).await
}

impl Broker {
    async fn start(advertised: SocketAddr, container: bool) -> anyhow::Result<Self> {
        let mock = |reason: String| -> anyhow::Result<Self> {
            Ok(Self::Mock(start_mock(&Topics::default().all(), PARTITIONS)?, reason))
        };
        if !container {
            return mock("no container is wanted".to_owned());
        }
        let _ = container::sweep().await;
        if let Err(error) = container::available().await {
            return mock(format!("{error:#}"));
        }
        let options = container::Options {
            label: "chaos".to_owned(),
            advertised: Some(advertised),
            on_host: false,
            variables: vec![("KAFKA_MESSAGE_MAX_BYTES", LARGEST)],
        };
        Ok(Self::Container(container::Broker::start(options).await?))
    }

    /// Restores the broker after any fault.
    pub async fn heal(&self) -> anyhow::Result<()> {
        let broker = match self {
            Self::Container(broker) => broker,
            Self::Mock(mock, _) => return mock.restore(),
        };
        // Ignore the error: `unpause` fails unless the broker is paused.
        let _ = broker.unpause().await;
        broker.restart().await
    }

    /// Closes every connection to the broker and refuses new ones. `proxy` is in front of a container.
    pub fn cut(&self, proxy: &Proxy) -> anyhow::Result<()> {
        match self {
            Self::Container(_) => proxy.cut(),
            Self::Mock(mock, _) => mock.cut()?,
        }
        Ok(())
    }

    /// Ends [`cut`](Self::cut).
    pub fn restore(&self, proxy: &Proxy) -> anyhow::Result<()> {
        match self {
            Self::Container(_) => proxy.restore(),
            Self::Mock(mock, _) => mock.restore()?,
        }
        Ok(())
    }

    /// Returns the broker if it supports fault injection; otherwise the reason.
    pub fn real(&self) -> Result<&container::Broker, String> {
        match self {
            Self::Container(broker) => Ok(broker),
            Self::Mock(_, reason) => Err(format!("Kafka is a mock, since {reason}")),
        }
    }

    /// Returns the broker's own listen address.
    pub fn address(&self) -> String {
        match self {
            Self::Container(broker) => broker.address().to_string(),
            Self::Mock(mock, _) => mock.brokers.clone(),
        }
    }

    /// Returns the services' variables for the broker: a container is behind the proxy at `link`, the mock is called
    /// directly.
    pub fn variables(&self, link: SocketAddr) -> Vec<(String, String)> {
        let variables = match self {
            Self::Container(_) => vec![("KAFKA_BROKERS", link.to_string())],
            Self::Mock(mock, _) => vec![
                ("KAFKA_BROKERS", mock.brokers.clone()),
                ("KAFKA_CREATE_TOPICS", "false".to_owned()),
                ("KAFKA_FETCH_WAIT", "25ms".to_owned()),
            ],
        };
        let partitions = ("KAFKA_TOPIC_PARTITIONS", PARTITIONS.to_string());
        variables.into_iter().chain([partitions]).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
