//! PostgreSQL, Redis and Kafka of the one-process shop: configured by variables, or started here.

use std::time::Duration;

use anyhow::Context as _;
use contracts::events::Topics;
use futures::future::try_join_all;
use platform::{config::Settings, kafka};
use servers::{
    kafka::{Mock, start_mock},
    postgres::{self, Postgres},
    redis::{self, Redis},
};

use crate::data::Data;
use operations::registry::with_database;
use platform::server::service::Service;

const CREATE_TIMEOUT: Duration = Duration::from_secs(30);

/// librdkafka's mock cluster responds to a fetch at once or after this time, so an event waits half of it on average.
const FETCH_WAIT: &str = "25ms";

/// The servers that the process uses, including those that it has started and must stop.
#[derive(Default)]
pub struct Infrastructure {
    /// The variables by which the services find the servers.
    pub variables: Vec<(String, String)>,
    /// The servers in use, each with its origin.
    pub used: Vec<(&'static str, String)>,
    /// The broker's records are lost when this process ends.
    pub forgets_events: bool,
    postgres: Option<Postgres>,
    redis: Option<Redis>,
    kafka: Option<Mock>,
}

impl Infrastructure {
    /// Uses the configured servers, and starts those that are not configured.
    pub async fn provide(settings: &Settings, data: &Data) -> anyhow::Result<Self> {
        let (postgres, redis) = tokio::try_join!(Self::postgres(settings, data), Self::redis(settings, data))?;
        let kafka = Self::kafka(settings)?;
        let all = [postgres, redis, kafka];
        Ok(all.into_iter().fold(Self::default(), Self::and))
    }

    async fn postgres(settings: &Settings, data: &Data) -> anyhow::Result<Self> {
        let missing: Vec<&'static Service> = missing(settings);
        if missing.is_empty() {
            return Ok(Self::given("PostgreSQL", "as configured by ORDER_DATABASE_URL etc."));
        }
        let directory = postgres_options(data).data;
        let server = postgres::start(&postgres_options(data)).await.with_context(|| {
            format!("PostgreSQL could not be started; set {}, or fix the cause", missing[0].variable("DATABASE_URL"))
        })?;
        let databases = missing.iter().map(|service| database(&server.url, service));
        let databases = tokio::time::timeout(CREATE_TIMEOUT, try_join_all(databases)).await;
        let variables = databases.context("PostgreSQL does not answer")??;
        let programs = server.binaries.directory.display();
        let mut origin =
            format!("PostgreSQL {} from {programs}, data in {}", server.binaries.version, directory.display());
        if missing.len() < with_database().count() {
            let names: Vec<&str> = missing.iter().map(|service| service.name).collect();
            origin = format!("{origin}, for {}; the others as configured", names.join(", "));
        }
        Ok(Self { variables, used: vec![("PostgreSQL", origin)], postgres: Some(server), ..Self::default() })
    }

    async fn redis(settings: &Settings, data: &Data) -> anyhow::Result<Self> {
        if settings.get("REDIS_URL").is_some() {
            return Ok(Self::given("Redis", "as configured by REDIS_URL"));
        }
        let directory = redis_options(data).data;
        let started = redis::start(&redis_options(data)).await;
        let Some(server) = started.context("Redis could not be started; set REDIS_URL, or fix the cause")? else {
            return Ok(Self::given("Redis", "none found; sessions are kept in memory and lost at exit"));
        };
        let origin = redis::program().map(|program| program.display().to_string()).unwrap_or_default();
        Ok(Self {
            variables: vec![("REDIS_URL".to_owned(), server.url.clone())],
            used: vec![("Redis", format!("{origin}, data in {}", directory.display()))],
            redis: Some(server),
            ..Self::default()
        })
    }

    fn kafka(settings: &Settings) -> anyhow::Result<Self> {
        if settings.get("KAFKA_BROKERS").is_some() {
            return Ok(Self::given("Kafka", "as configured by KAFKA_BROKERS"));
        }
        let config = kafka::Config::load(&presumed(settings))?;
        let topics: Topics = settings.read()?;
        let mock = start_mock(&topics.all(), config.kafka_topic_partitions)?;
        let fetch_wait = settings.get("KAFKA_FETCH_WAIT").unwrap_or(FETCH_WAIT);
        let variables = [
            ("KAFKA_BROKERS", mock.brokers.as_str()),
            ("KAFKA_CREATE_TOPICS", "false"),
            ("KAFKA_FETCH_WAIT", fetch_wait),
        ];
        Ok(Self {
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            used: vec![(
                "Kafka",
                "librdkafka's mock cluster, in this process; unfinished events are republished at the next start"
                    .to_owned(),
            )],
            forgets_events: true,
            kafka: Some(mock),
            ..Self::default()
        })
    }

    fn given(server: &'static str, origin: &str) -> Self {
        Self { used: vec![(server, origin.to_owned())], ..Self::default() }
    }

    fn and(self, other: Self) -> Self {
        Self {
            variables: [self.variables, other.variables].concat(),
            used: [self.used, other.used].concat(),
            forgets_events: self.forgets_events || other.forgets_events,
            postgres: self.postgres.or(other.postgres),
            redis: self.redis.or(other.redis),
            kafka: self.kafka.or(other.kafka),
        }
    }

    /// Stops the started servers, PostgreSQL last.
    pub async fn stop(self) {
        if let Some(redis) = self.redis {
            redis.stop().await;
        }
        drop(self.kafka);
        if let Some(postgres) = self.postgres {
            postgres.stop().await;
        }
    }
}

fn postgres_options(data: &Data) -> postgres::Options {
    postgres::Options::new(data.path().join("postgres"))
}

fn redis_options(data: &Data) -> redis::Options {
    redis::Options { data: data.path().join("redis"), mortal: true }
}

/// Creates a service's database if it is missing. Returns the variable with its URL.
async fn database(server: &str, service: &'static Service) -> anyhow::Result<(String, String)> {
    let url = postgres::ensure_database(server, service.name).await;
    Ok((service.variable("DATABASE_URL"), url.with_context(|| format!("making the database {service}"))?))
}

/// The services without a configured database.
fn missing(settings: &Settings) -> Vec<&'static Service> {
    with_database().filter(|service| settings.get(&service.variable("DATABASE_URL")).is_none()).collect()
}

/// Adds placeholders for values that are known only once the servers run, so that all others can be checked before.
pub fn presumed(settings: &Settings) -> Settings {
    let databases: Vec<String> = missing(settings).iter().map(|service| service.variable("DATABASE_URL")).collect();
    let brokers = settings.get("KAFKA_BROKERS").is_none().then_some("KAFKA_BROKERS");
    let presumed = databases.iter().map(String::as_str).chain(brokers).map(|name| (name, "presumed".to_owned()));
    settings.clone().with(presumed)
}
