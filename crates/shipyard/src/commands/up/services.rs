//! Configures and builds all services of the process, as their own binaries do.

use std::net::SocketAddr;

use operations::registry::SERVICES;
use platform::{
    config::{ConfigError, Settings},
    server::App,
};

/// An error names the invalid variable.
pub fn check(settings: &Settings) -> Result<(), ConfigError> {
    SERVICES.into_iter().try_for_each(|service| (service.check)(settings))
}

/// The variable and the address of each listener of all services.
pub fn listeners(settings: &Settings) -> Result<Vec<(String, SocketAddr)>, ConfigError> {
    let mut all = Vec::new();
    for service in SERVICES {
        all.extend(service.listeners(settings)?);
    }
    Ok(all)
}

pub async fn build(settings: &Settings) -> anyhow::Result<Vec<(&'static str, App)>> {
    let mut apps = Vec::new();
    for service in SERVICES {
        apps.push((service.name, (service.build)(settings.clone()).await?));
    }
    Ok(apps)
}
