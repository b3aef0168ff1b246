//! The server of one service: listeners, connection pool, readiness, identity, and a start in the right order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::net::TcpListener;
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
    outbox::Relay,
    postgres::{self, Database},
    service::Service,
    shutdown::Tasks,
};

/// The variables that every service has: `<NAME>_LISTEN`, `<NAME>_ADMIN_LISTEN`, `<NAME>_DATABASE_…`, and those that all share.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// Metrics and health over HTTP. Absent where another server in the process serves them for all.
    pub admin_listen: Option<SocketAddr>,
    pub database_url: SecretString,
    pub database_connections: u32,
    /// `SERVICE_KEY`: shared by all services; at least 32 bytes.
    pub service_key: SecretString,
    /// `SHUTDOWN_DRAIN`: how long listeners stay open after the signal to stop.
    pub shutdown_drain: Duration,
    /// `KAFKA_INSTANCE_ID`: identifies this process among its replicas, across restarts; its host name and port unless set.
    pub instance: Option<String>,
}

/// The variables that begin with the service's name.
#[derive(Deserialize)]
struct Own {
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
    listener: TcpListener,
    admin: Option<TcpListener>,
    database: Database,
    connected: Condition,
    readiness: Readiness,
    key: ServiceKey,
    instance: String,
}

/// A server whose database is migrated, and which may serve now.
pub struct Started {
    listener: TcpListener,
    readiness: Readiness,
    tasks: Tasks,
}

impl Config {
    /// Reads the section of `service`; an error names the variable that is missing or wrong.
    pub fn load(service: &Service, settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read_prefixed(service.name)?;
        let shared: Shared = settings.read()?;
        let admin_listen = match settings.host() {
            Host::OwnProcess => Some(service.admin_listen(settings)?),
            Host::SharedProcess => None,
        };
        Ok(Self {
            listen: service.listen(settings)?,
            admin_listen,
            database_url: own.database_url,
            database_connections: own.database_connections.unwrap_or(service.database_connections),
            service_key: shared.service_key,
            shutdown_drain: shared.shutdown_drain,
            instance: shared.kafka_instance_id,
        })
    }
}

impl Server {
    /// Binds the listeners. Fails, naming the variable, where an address is taken or a value cannot be used.
    pub async fn bind(service: &'static Service, config: Config) -> anyhow::Result<Self> {
        let listener = http::bind(&service.variable("LISTEN"), config.listen).await?;
        let admin = http::bind_admin(&service.variable("ADMIN_LISTEN"), config.admin_listen).await?;
        let database = Database::lazy(
            &format!("shipyard-{}", service.name),
            &service.variable("DATABASE_URL"),
            &config.database_url,
            config.database_connections,
        )?;
        let readiness = Readiness::new(config.shutdown_drain);
        Ok(Self {
            connected: readiness.condition("database"),
            key: ServiceKey::new(service.name, &config.service_key)?,
            instance: match config.instance {
                Some(given) => given,
                None => instance(listener.local_addr()?),
            },
            service,
            listener,
            admin,
            database,
            readiness,
        })
    }

    /// Where it listens, the port that the system chose included.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub fn name(&self) -> &'static str {
        self.service.name
    }

    pub fn database(&self) -> Database {
        self.database.clone()
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
    pub fn lease(&self, name: &'static str) -> Arc<PgLease> {
        Arc::new(PgLease::new(self.database(), name, self.instance.clone()))
    }

    /// The jobs that remove rows older than `age`.
    pub fn retention(&self, age: Duration) -> Retention {
        Retention { database: self.database(), holder: self.instance.clone(), age }
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
        let open = self.database.clone();
        tasks.close(async move { open.close().await });
        if let Some(admin) = self.admin {
            let routes = health::admin_routes(vec![self.readiness.clone()]);
            tasks.spawn("admin", |stop| http::serve(admin, routes, Readiness::default(), stop));
        }
        postgres::migrate(&self.database, self.service.migrations, stop).await?;
        tasks.spawn("database", |stop| postgres::watch(self.database, self.connected, stop));
        Ok(Started { listener: self.listener, readiness: self.readiness, tasks })
    }
}

impl Started {
    /// Serves gRPC behind a guard.
    pub fn serve_grpc(self, services: Services, guard: Guard) -> Tasks {
        let Self { listener, readiness, mut tasks } = self;
        tasks.serve("grpc", |stop| services.serve(listener, guard, readiness, stop));
        tasks
    }

    /// Serves HTTP. The router has its guard itself.
    pub fn serve_http(self, router: Router) -> Tasks {
        let Self { listener, readiness, mut tasks } = self;
        tasks.serve("http", |stop| http::serve(listener, router, readiness, stop));
        tasks
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
