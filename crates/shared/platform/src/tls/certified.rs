//! The certificates in use, which listeners and channels share.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use rustls::{ClientConfig, ServerConfig};

use super::{
    config::{CERTIFICATE, Config},
    handshake::Clients,
    material::{Files, Material},
};
use crate::config::ConfigError;

/// If a certificate is valid for less than this time, a warning is logged.
const EXPIRY_WARNING: Duration = Duration::from_hours(7 * 24);

/// The certificates of this process. Clones share the current ones.
#[derive(Clone)]
pub struct Tls(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub config: Config,
    pub current: RwLock<Arc<Material>>,
    /// The problem that the last check of the files found, and whether it has been logged.
    pub problem: Mutex<Option<(String, bool)>>,
}

impl Tls {
    /// Reads the files. Fails if they cannot be used; the error names the variable.
    pub fn load(config: Config) -> Result<Self, ConfigError> {
        let material = Arc::new(Material::new(Files::read(&config)?)?);
        warn_before_end(&material);
        Ok(Self(Arc::new(Shared { config, current: RwLock::new(material), problem: Mutex::default() })))
    }

    /// Does the same as [`load`](Self::load), and also fails if the certificate names another service.
    pub fn of_service(config: Config, service: &str) -> Result<Self, ConfigError> {
        let tls = Self::load(config)?;
        let name = tls.name();
        if &*name == service {
            Ok(tls)
        } else {
            Err(ConfigError::new(CERTIFICATE, format!("is the certificate of {name}, and this is {service}")))
        }
    }

    pub(super) fn current(&self) -> Arc<Material> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the name in the URI of the certificate, such as `order` for `spiffe://shipyard/order`.
    pub fn name(&self) -> Arc<str> {
        self.current().name.clone()
    }

    /// Returns the settings for the next connection that a listener accepts.
    pub(super) fn listener(&self, clients: Clients) -> Arc<ServerConfig> {
        let current = self.current();
        match clients {
            Clients::Certified => current.mutual.clone(),
            Clients::Anyone => current.open.clone(),
        }
    }

    /// Returns the settings for the next connection that a channel opens.
    pub(super) fn client(&self) -> Arc<ClientConfig> {
        self.current().client.clone()
    }

    /// Returns the certificates of the trusted authorities in PEM.
    pub(crate) fn authorities(&self) -> Vec<u8> {
        self.current().files.ca.clone()
    }
}

pub(super) fn warn_before_end(material: &Material) {
    if let Err(error) = material.check(EXPIRY_WARNING) {
        tracing::warn!(name = %material.name, %error, "the TLS certificate ends within a week");
    }
}
