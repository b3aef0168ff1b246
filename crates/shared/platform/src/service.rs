//! Service descriptor: everything that lists services loops over descriptors (the one process, `run`, migrations, the audit).

use std::{
    fmt,
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use futures::future::BoxFuture;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Rule,
    config::{ConfigError, Settings},
    health::Readiness,
    postgres::{Database, Migrations},
};

/// The variable with the IP address on which services listen by default.
const LISTEN_IP: &str = "LISTEN_IP";

/// The descriptor of one service. Services with the same name are equal.
pub struct Service {
    /// In lower case. Also the name of its database, and the prefix of its variables in upper case.
    pub name: &'static str,
    /// One sentence for `--help`.
    pub about: &'static str,
    pub version: &'static str,
    /// The default port, on loopback, unless `<NAME>_LISTEN` is set.
    pub port: u16,
    /// The default port of metrics and health, on loopback, unless `<NAME>_ADMIN_LISTEN` is set.
    pub admin_port: u16,
    /// The service's second API, in addition to the one on `port`.
    pub second_api: Option<SecondApi>,
    /// `None` for a service that stores nothing.
    pub database: Option<OwnDatabase>,
    /// The rules of the service's APIs.
    pub rules: &'static [&'static [Rule]],
    /// The description of the HTTP API; `None` for a service that serves only gRPC.
    pub openapi: Option<fn() -> utoipa::openapi::OpenApi>,
    /// The other services that this service calls.
    pub calls: &'static [Call],
    /// Reads and checks the service's variables; an error names the invalid variable.
    pub check: fn(&Settings) -> Result<(), ConfigError>,
    /// Puts the service together and binds its listeners.
    pub build: fn(Settings) -> BoxFuture<'static, anyhow::Result<Built>>,
}

/// A second API of a service, on a port of its own; the port is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondApi {
    /// gRPC, in addition to HTTP, on `<NAME>_GRPC_LISTEN`.
    Grpc(u16),
    /// HTTP, in addition to gRPC, on `<NAME>_HTTP_LISTEN`.
    Http(u16),
}

/// A service that another one calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The name of the service that is called.
    pub to: &'static str,
    pub when: When,
}

/// When a service calls another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// While it answers a request.
    Requested,
    /// Only in consumers and jobs.
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

/// The database of a service, which has the service's name.
pub struct OwnDatabase {
    /// The default number of connections, unless `<NAME>_DATABASE_CONNECTIONS` is set.
    pub connections: u32,
    pub migrations: &'static Migrations,
}

/// One API of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// The variable of its listener.
    pub listen: String,
    /// Its default port.
    pub port: u16,
    /// gRPC, or else HTTP.
    pub is_grpc: bool,
}

impl SecondApi {
    /// Returns the suffix of the variable with the API's address.
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

/// A service that has bound its listeners and waits to be run.
pub struct Built {
    pub readiness: Readiness,
    /// Runs until the token is cancelled or a failure that no waiting mends.
    pub run: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> + Send>,
}

impl Service {
    /// Returns the name of a variable of the service: `variable("LISTEN")` of `order` is `ORDER_LISTEN`.
    pub fn variable(&self, suffix: &str) -> String {
        format!("{}_{suffix}", self.name.to_uppercase())
    }

    /// Returns the listening address: `<NAME>_LISTEN`, or the default port on [`LISTEN_IP`] or on loopback.
    ///
    /// For a service without a second API, `<NAME>_HTTP_LISTEN` works too, the name of the variable for an HTTP API beside a gRPC API.
    pub fn listen(&self, settings: &Settings) -> Result<SocketAddr, ConfigError> {
        let http = settings.get(&self.variable("LISTEN")).is_none() && self.second_api.is_none();
        self.socket(if http { "HTTP_LISTEN" } else { "LISTEN" }, self.port, settings)
    }

    /// Returns the listening address of the second API: the variable of [`SecondApi`], or its default port like that of the first.
    pub fn second_listen(&self, settings: &Settings) -> Result<Option<SocketAddr>, ConfigError> {
        self.second_api.map(|api| self.socket(api.listen_suffix(), api.port(), settings)).transpose()
    }

    /// Returns the listeners: the variable of each API's address, and the address. The first API comes first.
    pub fn listeners(&self, settings: &Settings) -> Result<Vec<(String, SocketAddr)>, ConfigError> {
        let first = (self.variable("LISTEN"), self.listen(settings)?);
        let second = self.second_api.map(|api| self.variable(api.listen_suffix())).zip(self.second_listen(settings)?);
        Ok([Some(first), second].into_iter().flatten().collect())
    }

    /// Returns the variable of the listener whose address `<NAME>_ADDRESS` gives to other services: that of the gRPC API, if there is one.
    pub fn called_at(&self) -> String {
        match self.second_api {
            Some(api @ SecondApi::Grpc(_)) => self.variable(api.listen_suffix()),
            _ => self.variable("LISTEN"),
        }
    }

    /// Returns the APIs with their protocols and the variables of their listeners. The first API comes first.
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

    /// Returns true if the service's database has the shared table `name`, such as `outbox`.
    pub fn has_table(&self, name: &str) -> bool {
        self.migrations().is_some_and(|migrations| migrations.shared.iter().any(|table| table.name == name))
    }

    /// Returns the migrations; `None` for a service without a database.
    pub fn migrations(&self) -> Option<&'static Migrations> {
        self.database.as_ref().map(|database| database.migrations)
    }

    /// Returns the listening address of metrics and health: `<NAME>_ADMIN_LISTEN`, or the default admin port like that of the first API.
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

    /// Returns the address of the first API for a client on this machine: `<NAME>_ADDRESS`, otherwise the listening address. For a service
    /// whose second API is gRPC, `<NAME>_ADDRESS` is the address of that second API.
    pub fn address(&self, settings: &Settings) -> String {
        let variables: &[&str] =
            if matches!(self.second_api, Some(SecondApi::Grpc(_))) { &["LISTEN"] } else { &["ADDRESS", "LISTEN"] };
        let given = variables.iter().find_map(|suffix| settings.get(&self.variable(suffix)));
        let address = given.map_or_else(|| format!("127.0.0.1:{}", self.port), str::to_owned);
        address.replace("0.0.0.0:", "127.0.0.1:")
    }

    /// Creates a pool of at most `size` connections to the service's database, made on first use, with the application name `application`.
    ///
    /// Fails, naming the variable, if `<NAME>_DATABASE_URL` is not set or is no URL.
    pub fn pool(&self, application: &str, size: u32, settings: &Settings) -> anyhow::Result<Database> {
        let variable = self.variable("DATABASE_URL");
        let url = settings.get(&variable).ok_or_else(|| ConfigError::new(&variable, "is not set"))?;
        Database::lazy(application, &variable, &SecretString::from(url), size)
    }
}

impl Built {
    pub fn new<F>(readiness: Readiness, run: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self { readiness, run: Box::new(|stop| Box::pin(run(stop))) }
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
