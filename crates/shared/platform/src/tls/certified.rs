//! The certificates in use, shared by listeners and channels, and replaced when their files change.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use rustls::{ClientConfig, ServerConfig};
use tokio_util::sync::CancellationToken;

use super::{
    config::{CERTIFICATE, Config},
    handshake::Clients,
    material::{Files, Material},
};
use crate::config::ConfigError;

/// How often the files are looked at. New ones count within a minute, the second look at broken ones included.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A certificate that ends sooner than this is worth a warning.
const SOON: Duration = Duration::from_hours(7 * 24);

/// The certificates of this process. Clones share them.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    config: Config,
    current: RwLock<Arc<Material>>,
    /// What was wrong with the files at the last look, and whether that has been logged.
    problem: Mutex<Option<(String, bool)>>,
}

impl Tls {
    /// Reads the files. Fails, naming the variable, where they cannot be used.
    pub fn load(config: Config) -> Result<Self, ConfigError> {
        let material = Arc::new(Material::new(Files::read(&config)?)?);
        warn_before_end(&material);
        Ok(Self(Arc::new(Shared { config, current: RwLock::new(material), problem: Mutex::default() })))
    }

    /// Fails also where the certificate names another service than this one.
    pub fn of_service(config: Config, service: &str) -> Result<Self, ConfigError> {
        let tls = Self::load(config)?;
        let name = tls.name();
        if &*name == service {
            Ok(tls)
        } else {
            Err(ConfigError::new(CERTIFICATE, format!("is the certificate of {name}, and this is {service}")))
        }
    }

    fn current(&self) -> Arc<Material> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The name in the URI of the certificate: `order` of `spiffe://shipyard/order`.
    pub fn name(&self) -> Arc<str> {
        self.current().name.clone()
    }

    /// The settings of a listener for its next connection.
    pub(super) fn listener(&self, clients: Clients) -> Arc<ServerConfig> {
        let current = self.current();
        match clients {
            Clients::Certified => current.mutual.clone(),
            Clients::Anyone => current.open.clone(),
        }
    }

    /// The settings of a channel for its next connection.
    pub(super) fn client(&self) -> Arc<ClientConfig> {
        self.current().client.clone()
    }

    /// The authorities' certificates, in PEM.
    pub(crate) fn authorities(&self) -> Vec<u8> {
        self.current().files.ca.clone()
    }

    /// Looks at the files every so often, until `stop`.
    pub async fn watch(self, every: Duration, stop: CancellationToken) -> anyhow::Result<()> {
        let mut day = tokio::time::interval(Duration::from_hours(24));
        day.reset();
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                _ = day.tick() => warn_before_end(&self.current()),
                () = stop.cancelled() => return Ok(()),
            }
            let config = self.0.config.clone();
            self.take(tokio::task::spawn_blocking(move || Files::read(&config)).await?);
        }
    }

    /// Uses what was read, if it is new and in order.
    fn take(&self, read: Result<Files, ConfigError>) {
        let mut problem = self.0.problem.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match read {
            Ok(files) if files == self.current().files => {
                *problem = None;
                return;
            }
            Ok(files) => Material::new(files),
            Err(error) => Err(error),
        };
        let new = made.and_then(|new| if new.name == self.name() { Ok(new) } else { Err(other_name(&new.name)) });
        match new {
            Ok(new) => {
                *problem = None;
                tracing::info!(name = %new.name, "new TLS certificates are in use");
                warn_before_end(&new);
                *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
            }
            Err(error) => {
                let error = error.to_string();
                let known = problem.take().filter(|(known, _)| *known == error);
                // Between two files that are being replaced, one does not fit the other: that is over at the next look.
                if known.as_ref().is_some_and(|(_, is_logged)| !is_logged) {
                    tracing::warn!(error, "new TLS certificates rejected, the old ones stay in use");
                }
                *problem = Some((error, known.is_some()));
            }
        }
    }
}

fn other_name(name: &str) -> ConfigError {
    ConfigError::new(CERTIFICATE, format!("names {name}, and did not before"))
}

fn warn_before_end(material: &Material) {
    if let Err(error) = material.check(SOON) {
        tracing::warn!(name = %material.name, %error, "the TLS certificate ends within a week");
    }
}
