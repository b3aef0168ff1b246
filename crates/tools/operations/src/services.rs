//! The registry of services: everything that lists services loops over it. A new service is one line here.

use platform::service::Service;

pub const SERVICES: [&Service; 6] = [
    &iam::SERVICE,
    &inventory::SERVICE,
    &order::SERVICE,
    &payment::SERVICE,
    &assembly::SERVICE,
    &notification::SERVICE,
];

/// The service of this name.
pub fn find(name: &str) -> Option<&'static Service> {
    SERVICES.into_iter().find(|service| service.name == name)
}

/// Parses a service's name on the command line.
pub fn parse(name: &str) -> Result<&'static Service, String> {
    find(name).ok_or_else(|| format!("no such service; there are {}", SERVICES.map(|service| service.name).join(", ")))
}
