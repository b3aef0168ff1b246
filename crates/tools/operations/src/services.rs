//! The registry of services: everything that lists services loops over it. A new service is one line here.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use platform::service::Service;

pub const SERVICES: [&Service; 10] = [
    &iam::SERVICE,
    &inventory::SERVICE,
    &order::SERVICE,
    &payment::SERVICE,
    &assembly::SERVICE,
    &notification::SERVICE,
    &delivery::SERVICE,
    &geo::SERVICE,
    &customers::SERVICE,
    &intake::SERVICE,
];

/// The services that have a database.
pub fn with_database() -> impl Iterator<Item = &'static Service> {
    SERVICES.into_iter().filter(|service| service.database.is_some())
}

/// The service of this name.
pub fn find(name: &str) -> Option<&'static Service> {
    SERVICES.into_iter().find(|service| service.name == name)
}

/// Parses a service's name on the command line, whose help lists them all.
pub fn parser() -> impl TypedValueParser<Value = &'static Service> {
    let names = PossibleValuesParser::new(SERVICES.map(|service| service.name));
    names.try_map(|name| find(&name).ok_or("there is no such service"))
}
