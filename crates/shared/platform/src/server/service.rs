//! The descriptor of a service. The single-process mode, `run`, migrations and the audit loop over descriptors.

use std::{
    fmt,
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use base::config::{ConfigError, Settings, environment::Decision};
use edge::auth::Rule;
use futures::future::BoxFuture;
use secrecy::SecretString;
use sqlx::migrate::Migrator;
use store::postgres::Database;

use crate::{server::App, telemetry::metric::Metric};

/// The variable with the default IP address of listeners.
const LISTEN_IP: &str = "LISTEN_IP";

/// The descriptor of one service. Services with the same name are equal.
pub struct Service {
    /// The name in lower case. It is also the name of the database and, in upper case, the prefix of the service's
    /// variables.
    pub name: &'static str,
    /// One sentence about the service for `--help`.
    pub about: &'static str,
    pub version: &'static str,
    /// The default port of the first API, on loopback, unless `<NAME>_LISTEN` is set.
    pub port: u16,
    /// The default port of metrics and health, on loopback, unless `<NAME>_ADMIN_LISTEN` is set.
    pub admin_port: u16,
    pub second_api: Option<SecondApi>,
    /// `None` for a service that stores nothing.
    pub database: Option<OwnDatabase>,
    /// True if the service stores data in Redis.
    pub redis: bool,
    /// Returns one table of access rules per API.
    pub rules: fn() -> Vec<&'static [Rule]>,
    /// Returns the description of the HTTP API. `None` for a service with only gRPC.
    pub openapi: Option<fn() -> utoipa::openapi::OpenApi>,
    /// The metrics that the service exports in addition to [`METRICS`](crate::telemetry::metric::METRICS).
    pub metrics: &'static [Metric],
    pub calls: &'static [Call],
    /// The decisions that production must take, since their defaults are for trying the system out.
    pub decisions: &'static [Decision],
    /// An error names the invalid variable.
    pub check: fn(&Settings) -> Result<(), ConfigError>,
    pub build: fn(Settings) -> BoxFuture<'static, anyhow::Result<App>>,
}

/// The second API of a service, with its own default port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondApi {
    /// gRPC in addition to HTTP: the default port, see `<NAME>_GRPC_LISTEN`.
    Grpc(u16),
    /// HTTP in addition to gRPC: the default port, see `<NAME>_HTTP_LISTEN`.
    Http(u16),
}

/// A call from this service to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub to: &'static str,
    pub when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// While it handles a request.
    Requested,
    /// Only in consumers and jobs, or in requests that the other service handles without waiting for this one.
    InBackground,
}

impl Call {
    pub const fn when_requested(to: &'static str) -> Self {
        Self { to, when: When::Requested }
    }

    pub const fn in_background(to: &'static str) -> Self {
        Self { to, when: When::InBackground }
    }
}

/// The database of a service. It has the service's name.
pub struct OwnDatabase {
    /// The size of the connection pool, unless `<NAME>_DATABASE_CONNECTIONS` is set.
    pub connections: u32,
    pub migrations: &'static Migrator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// The variable of the listener's address.
    pub listen: String,
    pub port: u16,
    pub is_grpc: bool,
}

impl SecondApi {
    /// Returns the suffix of the variable with the API's listening address.
    pub const fn listen_suffix(self) -> &'static str {
        match self {
            Self::Grpc(_) => "GRPC_LISTEN",
            Self::Http(_) => "HTTP_LISTEN",
        }
    }

    pub const fn port(self) -> u16 {
        match self {
            Self::Grpc(port) | Self::Http(port) => port,
        }
    }
}

impl Service {
    /// Returns the full name of a service's variable: `variable("LISTEN")` of `web` is `WEB_LISTEN`.
    pub fn variable(&self, suffix: &str) -> String {
        format!("{}_{suffix}", self.name.to_uppercase())
    }

    /// Returns the listening address of the first API: `<NAME>_LISTEN`, or the default port on the IP address in
    /// `LISTEN_IP` or on loopback. A service with a single API also accepts `<NAME>_HTTP_LISTEN`, the name that a
    /// service with gRPC uses for its HTTP API.
    pub fn listen(&self, settings: &Settings) -> Result<SocketAddr, ConfigError> {
        let http = settings.get(&self.variable("LISTEN")).is_none() && self.second_api.is_none();
        self.socket(if http { "HTTP_LISTEN" } else { "LISTEN" }, self.port, settings)
    }

    /// Returns the listening address of the second API: its variable, or its default port on the first API's IP
    /// address.
    pub fn second_listen(&self, settings: &Settings) -> Result<Option<SocketAddr>, ConfigError> {
        self.second_api.map(|api| self.socket(api.listen_suffix(), api.port(), settings)).transpose()
    }

    /// Returns the variable and the address of each API, the first API first.
    pub fn listeners(&self, settings: &Settings) -> Result<Vec<(String, SocketAddr)>, ConfigError> {
        let first = (self.variable("LISTEN"), self.listen(settings)?);
        let second = self.second_api.map(|api| self.variable(api.listen_suffix())).zip(self.second_listen(settings)?);
        Ok([Some(first), second].into_iter().flatten().collect())
    }

    /// Returns the listening variable of the API that other services call at `<NAME>_ADDRESS`: the gRPC API if there is
    /// one.
    pub fn called_at(&self) -> String {
        match self.second_api {
            Some(api @ SecondApi::Grpc(_)) => self.variable(api.listen_suffix()),
            _ => self.variable("LISTEN"),
        }
    }

    /// Returns the APIs, the first API first.
    pub fn apis(&self) -> Vec<Api> {
        let first = Api { listen: self.variable("LISTEN"), port: self.port, is_grpc: self.first_is_grpc() };
        let second = self.second_api.map(|api| Api {
            listen: self.variable(api.listen_suffix()),
            port: api.port(),
            is_grpc: matches!(api, SecondApi::Grpc(_)),
        });
        [Some(first), second].into_iter().flatten().collect()
    }

    fn first_is_grpc(&self) -> bool {
        match self.second_api {
            Some(api) => matches!(api, SecondApi::Http(_)),
            None => self.openapi.is_none(),
        }
    }

    /// Returns true if the service's database has this table, which several services have. The migration that creates
    /// the table has the table's name.
    pub fn has_table(&self, name: &str) -> bool {
        self.migrations().is_some_and(|migrations| migrations.iter().any(|migration| migration.description == name))
    }

    pub fn migrations(&self) -> Option<&'static Migrator> {
        self.database.as_ref().map(|database| database.migrations)
    }

    /// Returns the listening address of metrics and health: `<NAME>_ADMIN_LISTEN`, or the default admin port on the
    /// first API's IP address.
    pub fn admin_listen(&self, settings: &Settings) -> Result<SocketAddr, ConfigError> {
        self.socket("ADMIN_LISTEN", self.admin_port, settings)
    }

    fn socket(&self, suffix: &str, port: u16, settings: &Settings) -> Result<SocketAddr, ConfigError> {
        let variable = self.variable(suffix);
        if let Some(given) = settings.get(&variable) {
            return given.parse().map_err(|error| ConfigError::new(&variable, error));
        }
        let ip = settings.get(LISTEN_IP).map_or(Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)), str::parse);
        Ok(SocketAddr::new(ip.map_err(|error| ConfigError::new(LISTEN_IP, error))?, port))
    }

    /// Returns the address of the first API for a client on this machine: `<NAME>_ADDRESS`, otherwise the listening
    /// address. If the second API is gRPC, `<NAME>_ADDRESS` is that API's address and is ignored.
    pub fn address(&self, settings: &Settings) -> String {
        let variables: &[&str] =
            if matches!(self.second_api, Some(SecondApi::Grpc(_))) { &["LISTEN"] } else { &["ADDRESS", "LISTEN"] };
        let given = variables.iter().find_map(|suffix| settings.get(&self.variable(suffix)));
        let address = given.map_or_else(|| format!("127.0.0.1:{}", self.port), str::to_owned);
        address.replace("0.0.0.0:", "127.0.0.1:")
    }

    /// Creates a pool of at most `size` connections to the service's database, which connects on first use, with the
    /// application name `application`. Fails if `<NAME>_DATABASE_URL` is not set or is not a URL; the error names the
    /// variable.
    pub fn pool(&self, application: &str, size: u32, settings: &Settings) -> anyhow::Result<Database> {
        let variable = self.variable("DATABASE_URL");
        let url = settings.get(&variable).ok_or_else(|| ConfigError::new(&variable, "is not set"))?;
        Database::lazy(application, &variable, &SecretString::from(url), size)
    }
}

impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Service {}

impl Hash for Service {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

/// Returns the address at which this machine reaches a listener: loopback if it listens everywhere.
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}
