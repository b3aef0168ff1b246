//! The services of the one process, put together as their own programs do it.

use std::net::SocketAddr;

use operations::services::SERVICES;
use platform::{
    config::{ConfigError, Settings},
    service::{Built, Service},
};

/// Reads and checks the variables of every service; an error names the one that is wrong.
pub fn check(settings: &Settings) -> Result<(), ConfigError> {
    SERVICES.into_iter().try_for_each(|service| (service.check)(settings))
}

/// Where each service is to listen.
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
