//! Reloads the certificate files when they change.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    certified::{Tls, report_expiry},
    config::CERTIFICATE,
    material::{Files, Material},
};
use crate::config::ConfigError;

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
                // Files may not match while an operator replaces two of them. So an error is logged only if the next
                // check finds it again.
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
