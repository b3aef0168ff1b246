//! The configuration that all services share.

use std::{net::SocketAddr, time::Duration};

use base::config::{
    ConfigError, Host, Settings,
    environment::{self, Environment},
};
use edge::{auth::ServiceKey, http::request_target::OwnHosts, listener, tls};
use secrecy::SecretString;
use serde::Deserialize;
use store::postgres::DatabaseConfig;

use crate::server::service::Service;

/// The variables that every service has: `<NAME>_LISTEN`, `<NAME>_ADMIN_LISTEN`, `<NAME>_DATABASE_…`, and shared ones.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub second_listen: Option<SocketAddr>,
    /// The address of metrics and health over HTTP. `None` if another server in the process serves them for all
    /// services.
    pub admin_listen: Option<SocketAddr>,
    /// `ALLOWED_HOSTS` and the names of the service: where it serves callers without credentials.
    pub hosts: OwnHosts,
    /// The configuration of the database. `None` for a service without a database.
    pub database: Option<DatabaseConfig>,
    /// `SERVICE_KEY`: the key that all services share; at least 32 bytes. `None` with TLS, where certificates identify
    /// callers.
    pub service_key: Option<SecretString>,
    /// `SERVICE_KEY_PREVIOUS`: a second key whose tokens the service accepts while operators replace the key. It is
    /// first the new key, then the old one.
    pub service_key_previous: Option<SecretString>,
    /// The variables whose secret is one that this repository publishes, accepted only in development.
    pub published_secrets: Vec<String>,
    /// `SHUTDOWN_DRAIN`: how long listeners stay open after the signal to stop.
    pub shutdown_drain: Duration,
    /// `None` if connections are plain text.
    pub tls: Option<tls::Config>,
    /// True if `SHIPYARD_ENVIRONMENT` is production and the service runs in its own process: it then starts only with
    /// TLS.
    pub requires_tls: bool,
    /// `MAX_CONNECTIONS`, `MAX_CONNECTIONS_PER_ADDRESS`, `GRPC_MAX_IN_FLIGHT`: the limits of each listener.
    pub connections: listener::Limits,
}

/// The variables whose names are the same for all services.
#[derive(Deserialize)]
struct Shared {
    service_key: Option<SecretString>,
    service_key_previous: Option<SecretString>,
    #[serde(default, deserialize_with = "base::config::bounded::duration")]
    shutdown_drain: Duration,
}

impl Config {
    /// Reads the variables of `service`. An error names the missing or invalid variable.
    pub fn load(service: &Service, settings: &Settings) -> Result<Self, ConfigError> {
        let database =
            service.database.as_ref().map(|own| DatabaseConfig::load(service.name, own.connections, settings));
        let shared: Shared = settings.read()?;
        let tls = tls::Config::load(settings)?;
        if tls.is_some() && settings.host() == Host::SharedProcess {
            return Err(ConfigError::new(
                tls::CA,
                "each service has a certificate of its own, so all in one process cannot use TLS; run each by itself",
            ));
        }
        let service_key = shared.service_key.filter(|_| tls.is_none());
        if tls.is_none() && service_key.is_none() {
            return Err(ConfigError::new("SERVICE_KEY", "is not set and has no default"));
        }
        let admin_listen = match settings.host() {
            Host::OwnProcess => Some(service.admin_listen(settings)?),
            Host::SharedProcess => None,
        };
        Ok(Self {
            listen: service.listen(settings)?,
            second_listen: service.second_listen(settings)?,
            admin_listen,
            hosts: OwnHosts::load(&[service.name], settings)?,
            database: database.transpose()?,
            service_key,
            service_key_previous: shared.service_key_previous,
            published_secrets: environment::admit(settings, service.decisions)?,
            shutdown_drain: shared.shutdown_drain,
            requires_tls: settings.get(environment::VARIABLE) == Some(Environment::Production.as_str())
                && settings.host() == Host::OwnProcess,
            tls,
            connections: settings.read()?,
        })
    }

    /// Returns the key of the tokens that identify the service `name`; `None` with TLS. Fails if the environment
    /// requires TLS.
    pub(super) fn key(&self, name: &'static str) -> Result<Option<ServiceKey>, ConfigError> {
        if self.requires_tls && self.tls.is_none() {
            let problem = "is production, where services use TLS: set TLS_CA_FILE, TLS_CERT_FILE and TLS_KEY_FILE";
            return Err(ConfigError::new(environment::VARIABLE, problem));
        }
        let Some(key) = &self.service_key else { return Ok(None) };
        ServiceKey::new(name, key)?.accepting(self.service_key_previous.as_ref()).map(Some)
    }
}
