//! Service descriptor: everything that lists services loops over descriptors (the one process, `run`, migrations, the audit).

use std::{
    fmt,
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use futures::future::BoxFuture;
use secrecy::SecretString;
use sqlx::migrate::Migrator;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{ConfigError, Settings},
    health::Readiness,
    postgres::Database,
};

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

/// The database of a service, which has the service's name.
pub struct OwnDatabase {
    /// Connections to it unless `<NAME>_DATABASE_CONNECTIONS` says otherwise.
    pub connections: u32,
    pub migrations: &'static Migrator,
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

    /// Where it listens: `<NAME>_LISTEN`, or its port on loopback.
    ///
    /// A service without a second API may be told by `<NAME>_HTTP_LISTEN`, too, as its HTTP API is called beside a gRPC one.
    pub fn listen(&self, settings: &Settings) -> Result<SocketAddr, ConfigError> {
        let http = settings.get(&self.variable("LISTEN")).is_none() && self.second_api.is_none();
        self.socket(if http { "HTTP_LISTEN" } else { "LISTEN" }, self.port, settings)
    }

    /// Where its second API listens: the variable of [`SecondApi`], or its port on loopback.
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

    /// Its migrations; none for a service without a database.
    pub fn migrations(&self) -> Option<&'static Migrator> {
        self.database.as_ref().map(|database| database.migrations)
    }

    /// Where it serves metrics and health: `<NAME>_ADMIN_LISTEN`, or its admin port on loopback.
    pub fn admin_listen(&self, settings: &Settings) -> Result<SocketAddr, ConfigError> {
        self.socket("ADMIN_LISTEN", self.admin_port, settings)
    }

    fn socket(&self, suffix: &str, port: u16, settings: &Settings) -> Result<SocketAddr, ConfigError> {
        let variable = self.variable(suffix);
        let default = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        settings
            .get(&variable)
            .map_or(Ok(default), |given| given.parse().map_err(|error| ConfigError::new(&variable, error)))
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
