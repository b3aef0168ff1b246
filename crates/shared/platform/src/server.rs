//! The server of one service: listeners, connection pool, readiness, identity, and a start in the right order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use secrecy::SecretString;
use serde::Deserialize;
use sqlx::migrate::Migrator;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Access, Guard, ServiceKey, Sessions},
    config::{ConfigError, Host, Settings},
    grpc::{Peer, Services},
    health::{self, Condition, Readiness},
    http,
    jobs::{Job, Retention},
    kafka::Consumer,
    lease::PgLease,
    listener::{self, Listener},
    outbox::Relay,
    postgres::{self, Database},
    service::{SecondApi, Service},
    shutdown::Tasks,
};

/// The variables that every service has: `<NAME>_LISTEN`, `<NAME>_ADMIN_LISTEN`, `<NAME>_DATABASE_…`, and those that all share.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// Where the second API listens, of a service that has one.
    pub second_listen: Option<SocketAddr>,
    /// Metrics and health over HTTP. Absent where another server in the process serves them for all.
    pub admin_listen: Option<SocketAddr>,
    /// Absent for a service without a database.
    pub database: Option<DatabaseConfig>,
    /// `SERVICE_KEY`: shared by all services; at least 32 bytes.
    pub service_key: SecretString,
    /// `SHUTDOWN_DRAIN`: how long listeners stay open after the signal to stop.
    pub shutdown_drain: Duration,
    /// `KAFKA_INSTANCE_ID`: identifies this process among its replicas, across restarts; its host name and port unless set.
    pub instance: Option<String>,
    /// `MAX_CONNECTIONS`, `MAX_CONNECTIONS_PER_ADDRESS`: the bounds of each listener.
    pub connections: listener::Limits,
}

/// The variables of a service's database, `<NAME>_DATABASE_…`.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    pub url: SecretString,
    /// The size of its pool.
    pub connections: u32,
}

#[derive(Deserialize)]
struct DatabaseVariables {
    database_url: SecretString,
    database_connections: Option<u32>,
}

/// The variables that all services share.
#[derive(Deserialize)]
struct Shared {
    service_key: SecretString,
    #[serde(default, with = "humantime_serde")]
    shutdown_drain: Duration,
    kafka_instance_id: Option<String>,
}

/// A service that has bound its listeners. Nothing is connected yet.
pub struct Server {
    service: &'static Service,
    listener: Listener,
    second: Option<Listener>,
    admin: Option<Listener>,
    database: Option<OpenDatabase>,
    readiness: Readiness,
    key: ServiceKey,
    instance: String,
}

/// The pool of a service's database, and the condition that it answers.
struct OpenDatabase {
    pool: Database,
    connected: Condition,
    migrations: &'static Migrator,
}

/// A server whose database is migrated, and which may serve now.
pub struct Started {
    service: &'static Service,
    listener: Listener,
    second: Option<Listener>,
    readiness: Readiness,
    tasks: Tasks,
}

impl Config {
    /// Reads the section of `service`; an error names the variable that is missing or wrong.
    pub fn load(service: &Service, settings: &Settings) -> Result<Self, ConfigError> {
        let database = service.database.as_ref().map(|own| {
            let given: DatabaseVariables = settings.read_prefixed(service.name)?;
            let connections = given.database_connections.unwrap_or(own.connections);
            Ok::<_, ConfigError>(DatabaseConfig { url: given.database_url, connections })
        });
        let shared: Shared = settings.read()?;
        let admin_listen = match settings.host() {
            Host::OwnProcess => Some(service.admin_listen(settings)?),
            Host::SharedProcess => None,
        };
        Ok(Self {
            listen: service.listen(settings)?,
            second_listen: service.second_listen(settings)?,
            admin_listen,
            database: database.transpose()?,
            service_key: shared.service_key,
            shutdown_drain: shared.shutdown_drain,
            instance: shared.kafka_instance_id,
            connections: settings.read()?,
        })
    }
}

impl Server {
    /// Binds the listeners. Fails, naming the variable, where an address is taken or a value cannot be used.
    pub async fn bind(service: &'static Service, config: Config) -> anyhow::Result<Self> {
        let bind = async |suffix: &str, address: SocketAddr| {
            let socket = http::bind(&service.variable(suffix), address).await?;
            anyhow::Ok(Listener::from(socket).with_limits(config.connections))
        };
        let listener = bind("LISTEN", config.listen).await?;
        let second = match (service.second_api, config.second_listen) {
            (Some(api), Some(address)) => Some(bind(api.listen_suffix(), address).await?),
            _ => None,
        };
        let admin = match config.admin_listen {
            Some(address) => Some(bind("ADMIN_LISTEN", address).await?),
            None => None,
        };
        let readiness = Readiness::new(config.shutdown_drain);
        let database = match (config.database, service.migrations()) {
            (Some(config), Some(migrations)) => {
                let variable = service.variable("DATABASE_URL");
                let application = format!("shipyard-{}", service.name);
                let pool = Database::lazy(&application, &variable, &config.url, config.connections)?;
                Some(OpenDatabase { pool, connected: readiness.condition("database"), migrations })
            }
            _ => None,
        };
        Ok(Self {
            key: ServiceKey::new(service.name, &config.service_key)?,
            instance: match config.instance {
                Some(given) => given,
                None => instance(listener.local_addr()?),
            },
            service,
            listener,
            second,
            admin,
            database,
            readiness,
        })
    }

    /// Where it listens, the port that the system chose included.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where its second API listens.
    pub fn second_address(&self) -> anyhow::Result<SocketAddr> {
        let second = self.second.as_ref().with_context(|| format!("{} has no second API", self.service))?;
        Ok(second.local_addr()?)
    }

    pub fn name(&self) -> &'static str {
        self.service.name
    }

    /// The pool of its database. Fails where its descriptor has none.
    pub fn database(&self) -> anyhow::Result<Database> {
        let database = self.database.as_ref().with_context(|| format!("{} has no database", self.service))?;
        Ok(database.pool.clone())
    }

    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Adds a condition that must be met for the service to be ready.
    pub fn condition(&self, name: &'static str) -> Condition {
        self.readiness.condition(name)
    }

    /// Identifies this process among its replicas, across restarts.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// A lease in the service's database, with this process as its holder.
    pub fn lease(&self, name: &'static str) -> anyhow::Result<Arc<PgLease>> {
        Ok(Arc::new(PgLease::new(self.database()?, name, self.instance.clone())))
    }

    /// The jobs that remove rows older than `age`.
    pub fn retention(&self, age: Duration) -> anyhow::Result<Retention> {
        Ok(Retention { database: self.database()?, holder: self.instance.clone(), age })
    }

    /// The guard before the service's API. `access` maps a path to its rule.
    pub fn guard(&self, sessions: Arc<dyn Sessions>, access: fn(&str) -> Access) -> Guard {
        Guard::new(sessions, self.key.clone(), access)
    }

    /// A channel to the service `name`, with the identity of this one. `variable` names the address in errors.
    pub fn peer(&self, name: &'static str, variable: &str, address: &str) -> anyhow::Result<Peer> {
        Ok(self.identify(Peer::lazy(name, variable, address)?))
    }

    /// The same channel, whose calls carry the identity of this service.
    pub fn identify(&self, peer: Peer) -> Peer {
        peer.identified(self.key.clone())
    }

    /// Serves metrics and health, brings the database's schema up to date and watches the connection to it.
    ///
    /// A database that is away is waited for until `stop`.
    pub async fn start(self, stop: &CancellationToken) -> anyhow::Result<Started> {
        let mut tasks = Tasks::new(stop);
        if let Some(OpenDatabase { pool, .. }) = &self.database {
            let pool = pool.clone();
            tasks.close(async move { pool.close().await });
        }
        if let Some(admin) = self.admin {
            let routes = health::admin_routes(vec![self.readiness.clone()]);
            tasks.spawn("admin", |stop| http::serve(admin, routes, Readiness::default(), stop));
        }
        if let Some(OpenDatabase { pool, connected, migrations }) = self.database {
            postgres::migrate(&pool, migrations, stop).await?;
            tasks.spawn("database", |stop| postgres::watch(pool, connected, stop));
        }
        Ok(Started {
            service: self.service,
            listener: self.listener,
            second: self.second,
            readiness: self.readiness,
            tasks,
        })
    }
}

impl Started {
    /// Serves gRPC behind a guard.
    pub fn serve_grpc(self, services: Services, guard: Guard) -> Tasks {
        let Self { listener, readiness, mut tasks, .. } = self;
        tasks.serve("grpc", |stop| services.serve(listener, guard, readiness, stop));
        tasks
    }

    /// Serves HTTP. The router has its guard itself.
    pub fn serve_http(self, router: Router) -> Tasks {
        let Self { listener, readiness, mut tasks, .. } = self;
        tasks.serve("http", |stop| http::serve(listener, router, readiness, stop));
        tasks
    }

    /// Serves the two APIs of a service that has a [`SecondApi`]. The router has its guard itself.
    pub fn serve_grpc_and_http(self, services: Services, guard: Guard, router: Router) -> anyhow::Result<Tasks> {
        let Self { service, listener: first, second, readiness, mut tasks } = self;
        let second = second.with_context(|| format!("{service} has no second API"))?;
        let (grpc, http) = match service.second_api {
            Some(SecondApi::Grpc(_)) => (second, first),
            _ => (first, second),
        };
        let drained = readiness.clone();
        tasks.serve("grpc", |stop| services.serve(grpc, guard, drained, stop));
        tasks.serve("http", |stop| http::serve(http, router, readiness, stop));
        Ok(tasks)
    }
}

/// The background work of a service.
impl Tasks {
    /// Starts background jobs.
    pub fn jobs(&mut self, jobs: impl IntoIterator<Item = Job>) {
        for job in jobs {
            self.spawn(job.name, job.run);
        }
    }

    /// Starts the relay of an outbox.
    pub fn relay(&mut self, relay: Relay) {
        self.spawn("outbox", |stop| relay.run(stop));
    }

    /// Starts members of consumer groups.
    pub fn consumers(&mut self, consumers: impl IntoIterator<Item = Consumer>) {
        for consumer in consumers {
            self.spawn("consumer", |stop| consumer.run(stop));
        }
    }
}

/// Host name and port: together they tell replicas apart and outlive a restart, so that a restarted process gets its Kafka
/// partitions back at once.
fn instance(address: SocketAddr) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}", host.trim(), address.port())
}
