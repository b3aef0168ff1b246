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

/// The variable with the address on which services listen that are not told otherwise.
const LISTEN_IP: &str = "LISTEN_IP";

/// The descriptor of one service. Services with the same name are equal.
pub struct Service {
    /// In lower case. Also the name of its database, and the prefix of its variables in upper case.
    pub name: &'static str,
    /// One sentence for `--help`.
    pub about: &'static str,
    pub version: &'static str,
    /// Where it serves unless `<NAME>_LISTEN` says otherwise, on loopback.
    pub port: u16,
    /// Where it serves metrics and health unless `<NAME>_ADMIN_LISTEN` says otherwise, on loopback.
    pub admin_port: u16,
    /// The API that it serves besides the one on `port`.
    pub second_api: Option<SecondApi>,
    /// Nothing for a service that stores nothing.
    pub database: Option<OwnDatabase>,
    /// The tables of rules of its APIs.
    pub rules: &'static [&'static [Rule]],
    /// The description of its HTTP API; nothing for a service that serves gRPC alone.
    pub openapi: Option<fn() -> utoipa::openapi::OpenApi>,
    /// The other services that it calls.
    pub calls: &'static [Call],
    /// Reads and checks the service's variables; an error names the one that is wrong.
    pub check: fn(&Settings) -> Result<(), ConfigError>,
    /// Puts the service together and binds its listeners.
    pub build: fn(Settings) -> BoxFuture<'static, anyhow::Result<Built>>,
}

/// A second API of a service, on a port of its own; the port is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondApi {
    /// Serves gRPC besides HTTP, on `<NAME>_GRPC_LISTEN`.
    Grpc(u16),
    /// Serves HTTP besides gRPC, on `<NAME>_HTTP_LISTEN`.
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
    /// In consumers and jobs alone.
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
    /// Connections to it unless `<NAME>_DATABASE_CONNECTIONS` says otherwise.
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
    /// The ending of the variable that says where it listens.
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
    /// One of its variables: `variable("LISTEN")` of the service `order` is `ORDER_LISTEN`.
    pub fn variable(&self, suffix: &str) -> String {
        format!("{}_{suffix}", self.name.to_uppercase())
    }

    /// Where it listens: `<NAME>_LISTEN`, or its port on [`LISTEN_IP`], or on loopback.
    ///
    /// A service without a second API may be told by `<NAME>_HTTP_LISTEN`, too, as its HTTP API is called beside a gRPC one.
    pub fn listen(&self, settings: &Settings) -> Result<SocketAddr, ConfigError> {
        let http = settings.get(&self.variable("LISTEN")).is_none() && self.second_api.is_none();
        self.socket(if http { "HTTP_LISTEN" } else { "LISTEN" }, self.port, settings)
    }

    /// Where its second API listens: the variable of [`SecondApi`], or its port as that of the first.
    pub fn second_listen(&self, settings: &Settings) -> Result<Option<SocketAddr>, ConfigError> {
        self.second_api.map(|api| self.socket(api.listen_suffix(), api.port(), settings)).transpose()
    }

    /// Its listeners: the variable of each API's address, and the address. The first API is first.
    pub fn listeners(&self, settings: &Settings) -> Result<Vec<(String, SocketAddr)>, ConfigError> {
        let first = (self.variable("LISTEN"), self.listen(settings)?);
        let second = self.second_api.map(|api| self.variable(api.listen_suffix())).zip(self.second_listen(settings)?);
        Ok([Some(first), second].into_iter().flatten().collect())
    }

    /// The variable of the listener that `<NAME>_ADDRESS` tells the other services of: its gRPC API's, if it has one.
    pub fn called_at(&self) -> String {
        match self.second_api {
            Some(api @ SecondApi::Grpc(_)) => self.variable(api.listen_suffix()),
            _ => self.variable("LISTEN"),
        }
    }

    /// Its APIs: whether each is a gRPC one, and the variable of its listener. The first API is first.
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

    /// Whether its database has a table that several services have, such as `outbox`.
    pub fn has_table(&self, name: &str) -> bool {
        self.migrations().is_some_and(|migrations| migrations.shared.iter().any(|table| table.name == name))
    }

    /// Its migrations; none for a service without a database.
    pub fn migrations(&self) -> Option<&'static Migrations> {
        self.database.as_ref().map(|database| database.migrations)
    }

    /// Where it serves metrics and health: `<NAME>_ADMIN_LISTEN`, or its admin port as that of the first API.
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

    /// Where a client on this machine finds its first API: `<NAME>_ADDRESS`, else where it listens. Of a service that serves gRPC
    /// second, `<NAME>_ADDRESS` is the address of that.
    pub fn address(&self, settings: &Settings) -> String {
        let variables: &[&str] =
            if matches!(self.second_api, Some(SecondApi::Grpc(_))) { &["LISTEN"] } else { &["ADDRESS", "LISTEN"] };
        let given = variables.iter().find_map(|suffix| settings.get(&self.variable(suffix)));
        let address = given.map_or_else(|| format!("127.0.0.1:{}", self.port), str::to_owned);
        address.replace("0.0.0.0:", "127.0.0.1:")
    }

    /// At most `size` connections to its database, made when they are used, which call themselves `application` to the server.
    ///
    /// Fails, naming the variable, where `<NAME>_DATABASE_URL` is not set or is no URL.
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
