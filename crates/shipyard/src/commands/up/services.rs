//! Configures and builds all services of the process, as their own binaries do.

use std::net::SocketAddr;

use operations::services::SERVICES;
use platform::{
    config::{ConfigError, Settings},
    service::{Built, Service},
};

/// Validates the configuration of every service; an error names the variable.
pub fn check(settings: &Settings) -> Result<(), ConfigError> {
    SERVICES.into_iter().try_for_each(|service| (service.check)(settings))
}

/// The listen address of each service.
pub fn addresses(settings: &Settings) -> Result<Vec<(&'static Service, SocketAddr)>, ConfigError> {
    SERVICES.into_iter().map(|service| Ok((service, service.listen(settings)?))).collect()
}

/// Builds every service.
pub async fn build(settings: &Settings) -> anyhow::Result<Vec<(&'static str, Built)>> {
    let mut built = Vec::new();
    for service in SERVICES {
        built.push((service.name, (service.build)(settings.clone()).await?));
    }
    Ok(built)
}
