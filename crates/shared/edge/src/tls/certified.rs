//! The certificates in use, which listeners and channels share, and which are read again when their files change.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use base::config::ConfigError;
use rustls::{ClientConfig, ServerConfig};
use tokio_util::sync::CancellationToken;

use super::{
    handshake::Clients,
    material::{CERTIFICATE, Config, Files, Material, since_1970},
};

/// The remaining validity that is logged as a warning. Certificates of 24 h are renewed when 8 h are left.
const EXPIRY_WARNING: Duration = Duration::from_hours(4);

/// The certificates of this process. Clones share the current ones.
#[derive(Clone)]
pub struct Tls(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub config: Config,
    pub current: RwLock<Arc<Material>>,
    /// The error of the last check of the files, if any, and true if it was logged.
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

    /// Returns the name in the certificate's URI, such as `web` for `spiffe://shipyard/web`.
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

    /// Returns a function that returns the certificates of the authorities that are trusted when it is called, in PEM.
    pub fn authorities(&self) -> Arc<dyn Fn() -> Vec<u8> + Send + Sync> {
        let tls = self.clone();
        Arc::new(move || tls.current().files.ca.clone())
    }
}

pub(super) fn report_expiry(material: &Material) {
    metrics::gauge!("tls_certificate_expires_seconds").set(material.expires.as_secs_f64());
    let left = material.expires.saturating_sub(since_1970());
    if left < EXPIRY_WARNING {
        tracing::warn!(name = %material.name, minutes = left.as_secs() / 60, "the TLS certificate expires soon");
    }
}

/// How often the files are read. New files are in use within a minute, even if the first check finds files that do not
/// match.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(10);

impl Tls {
    /// Reads the files periodically and uses new ones, until `stop`.
    pub async fn watch(self, every: Duration, stop: CancellationToken) -> anyhow::Result<()> {
        let mut hour = tokio::time::interval(Duration::from_hours(1));
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                _ = hour.tick() => report_expiry(&self.current()),
                () = stop.cancelled() => return Ok(()),
            }
            let config = self.0.config.clone();
            self.take(tokio::task::spawn_blocking(move || Files::read(&config)).await?);
        }
    }

    /// Uses the files that were read, if they are new and valid.
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
                report_expiry(&new);
                *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
            }
            Err(error) => {
                let error = error.to_string();
                let known = problem.take().filter(|(known, _)| *known == error);
                // While an operator replaces two files, they can mismatch for a moment. So an error is logged only if
                // the next check finds it again.
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
