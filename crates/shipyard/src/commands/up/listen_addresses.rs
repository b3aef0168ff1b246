//! The listen addresses of all services in the process, checked before any server or service starts.

use std::net::SocketAddr;

use platform::{
    config::{ConfigError, Settings},
    http,
};

use operations::registry::SERVICES;
use platform::server::service::{SecondApi, Service, reachable};

/// The variable with the address of metrics and health, and its default.
pub const ADMIN: (&str, &str) = ("SHIPYARD_ADMIN_LISTEN", "127.0.0.1:9464");

/// The variable with the address of the console's pages, to which order directs browsers.
const CONSOLE_URL: &str = "ORDER_CONSOLE_URL";

/// Checks the settings of every service. An error names the invalid variable.
pub fn check(settings: &Settings) -> Result<(), ConfigError> {
    SERVICES.into_iter().try_for_each(|service| (service.check)(settings))
}

/// Returns the variable and the address of each listener of all services.
pub fn listeners(settings: &Settings) -> Result<Vec<(String, SocketAddr)>, ConfigError> {
    let mut all = Vec::new();
    for service in SERVICES {
        all.extend(service.listeners(settings)?);
    }
    Ok(all)
}

#[derive(Clone, Debug)]
pub struct Addresses {
    pub admin: SocketAddr,
    /// The address of each listener, by the name of its variable.
    listeners: Vec<(String, SocketAddr)>,
    /// The configured variables of peer addresses. Calls to those services go to the configured address, not to this
    /// process.
    elsewhere: Vec<String>,
}

impl Addresses {
    /// Reads the addresses and replaces port 0 with a free port. Fails, naming the variable, if an address is in use.
    pub async fn settle(settings: &Settings) -> anyhow::Result<Self> {
        check(settings)?;
        let (variable, default) = ADMIN;
        let admin = settings.get(variable).unwrap_or(default).parse();
        let admin = admin.map_err(|error| ConfigError::new(variable, error))?;
        // All listeners stay bound until every service has its port, so that no port is chosen twice.
        let mut held = vec![http::bind(variable, admin).await?];
        let mut listeners = listeners(settings)?;
        for (variable, address) in &listeners {
            held.push(http::bind(variable, *address).await?);
        }
        for ((_, address), listener) in listeners.iter_mut().zip(&held[1..]) {
            *address = listener.local_addr()?;
        }
        let addresses =
            SERVICES.into_iter().flat_map(|service| ["ADDRESS", "HTTP_ADDRESS"].map(|suffix| service.variable(suffix)));
        let addresses = addresses.chain([CONSOLE_URL.to_owned()]);
        let elsewhere = addresses.filter(|variable| settings.get(variable).is_some()).collect();
        Ok(Self { admin: held[0].local_addr()?, listeners, elsewhere })
    }

    /// The address of the service's first API as seen from this machine.
    pub fn of(&self, service: &'static Service) -> SocketAddr {
        self.at(&service.variable("LISTEN"))
    }

    /// The address of the listener that `variable` configures, as seen from this machine.
    pub fn at(&self, variable: &str) -> SocketAddr {
        let listens = self.listeners.iter().find(|(other, _)| other == variable);
        reachable(listens.map_or(self.admin, |(_, address)| *address))
    }

    /// The variables with each service's listen addresses and the addresses of its peers.
    pub fn variables(&self) -> Vec<(String, String)> {
        let listen = self.listeners.iter().map(|(variable, address)| (variable.clone(), address.to_string()));
        let asked = SERVICES
            .iter()
            .flat_map(|service| {
                let called = (service.variable("ADDRESS"), self.at(&service.called_at()).to_string());
                // If a service has both protocols, the console and operations call its first API, HTTP.
                let first = (service.variable("HTTP_ADDRESS"), self.of(service).to_string());
                let has_two = matches!(service.second_api, Some(SecondApi::Grpc(_)));
                [Some(called), has_two.then_some(first)].into_iter().flatten()
            })
            .filter(|(variable, _)| !self.elsewhere.contains(variable));
        let console = format!("http://{}/console/", self.of(&console::SERVICE));
        let console =
            Some((CONSOLE_URL.to_owned(), console)).filter(|(variable, _)| !self.elsewhere.contains(variable));
        // Operations reads the states of all services at this address.
        let admin = Some((ADMIN.0.to_owned(), self.at(ADMIN.0).to_string()));
        listen.chain(asked).chain(console).chain(admin).collect()
    }
}
