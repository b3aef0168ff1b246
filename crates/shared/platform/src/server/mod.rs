//! The server of one service: it owns listeners, connection pool, readiness and identity, and starts them in the right
//! order.

mod app;
mod config;
pub mod health;
pub(crate) mod instance;
pub mod service;
pub mod shutdown;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use base::{
    config::ConfigError,
    readiness::{Condition, Readiness},
};
use edge::{
    auth::{Guard, Rule, ServiceKey, Sessions},
    grpc::Peer,
    http::{self, request_target::OwnHosts},
    listener::Listener,
    tls::{self, Tls},
};
use outbox::{Lease, PgLease, Tables};
use secrecy::SecretString;
use sqlx::migrate::Migrator;
use store::{
    postgres::{self, Database},
    redis,
};
use tokio_util::sync::CancellationToken;

use crate::{jobs::Retention, telemetry::metric};

use self::app::Started;
pub use self::app::{App, Run};
pub use self::config::Config;
use self::service::Service;
use self::shutdown::Tasks;
pub use base::readiness;

/// A service that has bound its listeners but has not connected to other systems yet.
pub struct Server {
    service: &'static Service,
    listener: Listener,
    second: Option<Listener>,
    admin: Option<Listener>,
    own_admin: Router,
    database: Option<OpenDatabase>,
    readiness: Readiness,
    key: Option<ServiceKey>,
    hosts: OwnHosts,
    tls: Option<Tls>,
    place: String,
    instance: String,
    stopping: CancellationToken,
}

struct OpenDatabase {
    pool: Database,
    connected: Condition,
    migrations: &'static Migrator,
}

impl Server {
    /// Binds the listeners. Fails if an address is in use or a value is invalid; the error names the variable.
    pub async fn bind(service: &'static Service, config: Config) -> anyhow::Result<Self> {
        let key = config.key(service.name)?;
        metric::describe(service.name, service.version, service.metrics);
        postgres::count_from_zero();
        let tls = config.tls.map(|config| Tls::of_service(config, service.name)).transpose()?;
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
        if !config.published_secrets.is_empty() {
            let variables = config.published_secrets.join(", ");
            tracing::warn!(variables, "published secrets in use: for development only");
        }
        let readiness = Readiness::new(config.shutdown_drain).exported(service.name);
        let database = match (config.database, service.migrations()) {
            (Some(config), Some(migrations)) => {
                let (application, variable) = (format!("shipyard-{service}"), service.variable("DATABASE_URL"));
                let pool = Database::lazy(&application, &variable, &config.url, config.connections)?;
                let pool = pool.with_stable_plans();
                Some(OpenDatabase { pool, connected: readiness.condition("database"), migrations })
            }
            _ => None,
        };
        let place = instance::place(listener.local_addr()?);
        Ok(Self {
            key,
            hosts: config.hosts,
            tls,
            instance: instance::instance(&place),
            place,
            service,
            listener,
            second,
            admin,
            own_admin: Router::new(),
            database,
            readiness,
            stopping: CancellationToken::new(),
        })
    }

    /// Returns the address of the first listener, with its actual port.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub fn second_address(&self) -> anyhow::Result<SocketAddr> {
        let second = self.second.as_ref().with_context(|| format!("{} has no second API", self.service))?;
        Ok(second.local_addr()?)
    }

    /// Adds routes to the admin port, in addition to metrics and health. Like these, they do not authenticate the
    /// caller.
    pub fn add_to_admin(&mut self, routes: Router) {
        self.own_admin = std::mem::take(&mut self.own_admin).merge(routes);
    }

    pub fn name(&self) -> &'static str {
        self.service.name
    }

    /// Returns the pool of the service's database. Fails if the [`Service`] has none.
    pub fn database(&self) -> anyhow::Result<Database> {
        let database = self.database.as_ref().with_context(|| format!("{} has no database", self.service))?;
        Ok(database.pool.clone())
    }

    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Returns a token that is cancelled when the drain begins. A handler must then end endless responses, such as
    /// streams, since the service waits for all responses before it stops its jobs.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Adds a condition that must be met for the service to be ready.
    pub fn condition(&self, name: &'static str) -> Condition {
        self.readiness.condition(name)
    }

    /// Returns the unique id with which this process holds leases.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Returns the place of this process, which a process that is started again in its place has too.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Returns a function that creates a lease by name, with this process as its holder.
    pub fn leases(&self) -> anyhow::Result<impl Fn(&'static str) -> Arc<dyn Lease> + use<>> {
        let (database, holder) = (self.database()?, self.instance.clone());
        Ok(move |name| {
            Arc::new(PgLease::new(database.clone(), &Tables::default(), name, holder.clone())) as Arc<dyn Lease>
        })
    }

    /// Creates the settings of the jobs that delete rows older than `age`.
    pub fn retention(&self, age: Duration) -> anyhow::Result<Retention> {
        Ok(Retention { database: self.database()?, holder: self.instance.clone(), age })
    }

    pub fn guard(&self, sessions: Arc<dyn Sessions>, rules: &'static [Rule]) -> Guard {
        Guard::new(sessions, self.key.clone(), rules).at(self.hosts.clone())
    }

    /// Opens a channel to the service `name` whose calls carry this service's identity. Errors name `variable`.
    pub fn peer(&self, name: &'static str, variable: &str, address: &str) -> Result<Peer, ConfigError> {
        Ok(self.identify(self.channel(name, variable, address)?))
    }

    /// Opens a channel to the service `name` whose calls carry no token. Over TLS the certificate still identifies this
    /// service.
    pub fn channel(&self, name: &'static str, variable: &str, address: &str) -> Result<Peer, ConfigError> {
        Peer::over(self.tls.as_ref(), name, variable, address)
    }

    /// Opens a channel to a program that may be outside this system. Calls carry no token; `http://` means plain text
    /// even with TLS configured.
    pub fn outside(&self, name: &'static str, variable: &str, address: &str) -> Result<Peer, ConfigError> {
        let tls = self.tls.as_ref().filter(|_| !address.starts_with("http://"));
        Peer::outside(tls, name, variable, address)
    }

    /// Adds this service's identity to the channel: over TLS the certificate, otherwise a token.
    pub fn identify(&self, peer: Peer) -> Peer {
        self.key.iter().fold(peer, |peer, key| peer.identified(key.clone()))
    }

    /// Creates a connection to Redis that connects on first use. Errors name `variable`.
    pub fn redis(&self, variable: &str, url: &SecretString) -> anyhow::Result<redis::Connection> {
        redis::lazy_connection(variable, url, self.tls.as_ref().map(Tls::authorities))
    }

    /// Serves metrics and health, migrates the database and starts its health check. Waits for an unavailable database
    /// until `stop`.
    async fn start(self, stop: &CancellationToken) -> anyhow::Result<Started> {
        let mut tasks = Tasks::new(stop);
        let has_leases = self.service.has_table("leases");
        if let Some(OpenDatabase { pool, .. }) = &self.database {
            let (pool, holder) = (pool.clone(), self.instance.clone());
            tasks.close(async move {
                if has_leases {
                    outbox::release_all(&pool, &Tables::default(), &holder).await;
                }
                pool.close().await;
            });
        }
        if let Some(tls) = self.tls.clone() {
            tasks.spawn("tls", |stop| tls.watch(tls::CHECK_INTERVAL, stop));
        }
        if let Some(admin) = self.admin {
            let routes = health::admin_routes(vec![self.readiness.clone()], self.hosts).merge(self.own_admin);
            tasks.spawn("admin", |stop| http::serve(admin, routes, Readiness::default(), stop));
        }
        if let Some(OpenDatabase { pool, connected, migrations }) = self.database {
            postgres::migrate(&pool, migrations, stop).await?;
            if has_leases {
                // A process that was killed at this place has not released its leases.
                outbox::release_all(&pool, &Tables::default(), &self.place).await;
            }
            tasks.spawn("database", |stop| postgres::watch(pool, connected, stop));
        }
        Ok(Started {
            service: self.service,
            listener: self.listener,
            second: self.second,
            readiness: self.readiness,
            tls: self.tls,
            stopping: self.stopping,
            tasks,
        })
    }
}
