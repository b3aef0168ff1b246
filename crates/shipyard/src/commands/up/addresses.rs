//! The listen addresses of all services in the process, checked before anything is started.

use std::net::{Ipv4Addr, SocketAddr};

use platform::{
    config::{ConfigError, Settings},
    http,
};

use super::services;
use platform::service::Service;

/// The variable with the address of metrics and health, and its default.
pub const ADMIN: (&str, &str) = ("SHIPYARD_ADMIN_LISTEN", "127.0.0.1:9464");

/// The services that other services call.
const ASKED: [&Service; 3] = [&iam::SERVICE, &inventory::SERVICE, &payment::SERVICE];

#[derive(Clone, Debug)]
pub struct Addresses {
    pub admin: SocketAddr,
    services: Vec<(&'static Service, SocketAddr)>,
}

impl Addresses {
    /// Reads the addresses and replaces port 0 by a free port. Fails, naming the variable, if an address is in use.
    pub async fn settle(settings: &Settings) -> anyhow::Result<Self> {
        services::check(settings)?;
        let (variable, default) = ADMIN;
        let admin = settings.get(variable).unwrap_or(default).parse();
        let admin = admin.map_err(|error| ConfigError::new(variable, error))?;
        // Keep all listeners bound until every service has its own port.
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

    /// The address of `service` as seen from this machine.
    pub fn of(&self, service: &'static Service) -> SocketAddr {
        let listens = self.services.iter().find(|(other, _)| *other == service);
        let mut address = listens.map_or(self.admin, |(_, address)| *address);
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        address
    }

    /// The variables that tell each service where to listen and where its peers are.
    pub fn variables(&self) -> Vec<(String, String)> {
        let listen = self.services.iter().map(|(service, address)| (service.variable("LISTEN"), address.to_string()));
        let asked = ASKED.iter().map(|service| (service.variable("ADDRESS"), self.of(service).to_string()));
        listen.chain(asked).collect()
    }
}
