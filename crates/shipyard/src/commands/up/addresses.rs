//! Where everything in the one process listens, settled and checked before anything is started.

use std::net::{Ipv4Addr, SocketAddr};

use platform::{
    config::{ConfigError, Settings},
    http,
};

use super::services;
use platform::service::Service;

/// The variable with the address of metrics and health, and its default.
pub const ADMIN: (&str, &str) = ("SHIPYARD_ADMIN_LISTEN", "127.0.0.1:9464");

/// The services that others ask.
const ASKED: [&Service; 3] = [&iam::SERVICE, &inventory::SERVICE, &payment::SERVICE];

#[derive(Clone, Debug)]
pub struct Addresses {
    pub admin: SocketAddr,
    services: Vec<(&'static Service, SocketAddr)>,
}

impl Addresses {
    /// Reads the addresses. Fails, naming the variable, where something else listens already; a port 0 becomes a free one.
    pub async fn settle(settings: &Settings) -> anyhow::Result<Self> {
        services::check(settings)?;
        let (variable, default) = ADMIN;
        let admin = settings.get(variable).unwrap_or(default).parse();
        let admin = admin.map_err(|error| ConfigError::new(variable, error))?;
        // All are held until each has its own.
        let mut held = vec![http::bind(variable, admin).await?];
        let mut services = services::addresses(settings)?;
        for (service, address) in &services {
            held.push(http::bind(&service.variable("LISTEN"), *address).await?);
        }
        for ((_, address), listener) in services.iter_mut().zip(&held[1..]) {
            *address = listener.local_addr()?;
        }
        Ok(Self { admin: held[0].local_addr()?, services })
    }

    /// Where `service` can be reached from this machine.
    pub fn of(&self, service: &'static Service) -> SocketAddr {
        let listens = self.services.iter().find(|(other, _)| *other == service);
        let mut address = listens.map_or(self.admin, |(_, address)| *address);
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        address
    }

    /// The variables by which each service learns where it listens and where the others are.
    pub fn variables(&self) -> Vec<(String, String)> {
        let listen = self.services.iter().map(|(service, address)| (service.variable("LISTEN"), address.to_string()));
        let asked = ASKED.iter().map(|service| (service.variable("ADDRESS"), self.of(service).to_string()));
        listen.chain(asked).collect()
    }
}
