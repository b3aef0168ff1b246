//! The certificates in use, which listeners and channels share.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use rustls::{ClientConfig, ServerConfig};

use super::{
    config::{CERTIFICATE, Config},
    handshake::Clients,
    material::{Files, Material, since_1970},
};
use crate::config::ConfigError;

/// The remaining validity that is logged as a warning. Certificates of 24 h are renewed when 8 h are left.
const EXPIRY_WARNING: Duration = Duration::from_hours(4);

/// The certificates of this process. Clones share the current ones.
#[derive(Clone)]
pub struct Tls(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub config: Config,
    pub current: RwLock<Arc<Material>>,
    /// What the last check of the files found, and whether it was logged.
    pub problem: Mutex<Option<(String, bool)>>,
}

impl Tls {
    /// Reads the files. Fails if they cannot be used; the error names the variable.
    pub fn load(config: Config) -> Result<Self, ConfigError> {
        let material = Arc::new(Material::new(Files::read(&config)?)?);
        Ok(Self(Arc::new(Shared { config, current: RwLock::new(material), problem: Mutex::default() })))
    }

    /// Like [`load`](Self::load), but also fails if the certificate names another service.
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

    /// Returns the name in the certificate's URI, such as `order` for `spiffe://shipyard/order`.
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

    pub(super) fn client(&self) -> Arc<ClientConfig> {
        self.current().client.clone()
    }

    /// Returns the certificates of the trusted authorities in PEM.
    pub(crate) fn authorities(&self) -> Vec<u8> {
        self.current().files.ca.clone()
    }
}

pub(super) fn report_expiry(material: &Material) {
    metrics::gauge!("tls_certificate_expires_seconds").set(material.expires.as_secs_f64());
    let left = material.expires.saturating_sub(since_1970());
    if left < EXPIRY_WARNING {
        tracing::warn!(name = %material.name, minutes = left.as_secs() / 60, "the TLS certificate expires soon");
    }
}
