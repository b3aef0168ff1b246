//! The registry of services. Code that needs all services iterates over it, so that a new service is one line here,
//! and one more if an audit reads its database.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use contracts::events::ROUTES;
use platform::{
    config::Settings,
    server::service::{Service, When},
};

use crate::readers::{self, Reader};

pub const SERVICES: [&Service; 12] = [
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
    &console::SERVICE,
    &crate::SERVICE,
];

/// The readers of the databases with facts of an audit.
pub(crate) static READERS: [Reader; 8] = [
    readers::inventory::READER,
    readers::order::READER,
    readers::payment::READER,
    readers::assembly::READER,
    readers::notification::READER,
    readers::delivery::READER,
    readers::customers::READER,
    readers::intake::READER,
];

pub(crate) fn reader_of(service: &Service) -> Option<&'static Reader> {
    READERS.iter().find(|reader| reader.service == service)
}

pub fn with_database() -> impl Iterator<Item = &'static Service> {
    SERVICES.into_iter().filter(|service| service.database.is_some())
}

/// Returns the services that store rows of orders: those that publish or consume an order's events.
pub fn of_orders() -> impl Iterator<Item = &'static Service> {
    with_database().filter(|service| {
        let mut routes = ROUTES.iter().filter(|route| route.is_of_order());
        routes.any(|route| {
            route.producer == service.name || route.consumers.iter().any(|one| one.service == service.name)
        })
    })
}

/// Returns the services whose databases a process with these settings reads. In containers the service operations has
/// no URL of iam's database: the role `auditor` must not read password hashes.
pub fn readable(settings: &Settings) -> impl Iterator<Item = &'static Service> {
    with_database()
        .filter(|service| **service != iam::SERVICE || settings.get(&service.variable("DATABASE_URL")).is_some())
}

pub fn find(name: &str) -> Option<&'static Service> {
    SERVICES.into_iter().find(|service| service.name == name)
}

/// Returns the length of the longest chain of calls that starts at this service; 0 if it calls no other. Ignores a
/// background call to a service that calls this one, directly or indirectly.
pub fn depth(service: &Service) -> usize {
    let counted = service.calls.iter().filter(|call| call.when == When::Requested || !reaches(call.to, service.name));
    counted.filter_map(|call| find(call.to)).map(|to| 1 + depth(to)).max().unwrap_or(0)
}

/// Returns all services, each after those that it calls. A call that [`depth`] ignores does not count.
pub fn callees_first() -> Vec<&'static Service> {
    let mut services = SERVICES.to_vec();
    services.sort_by_key(|service| depth(service));
    services
}

/// Returns whether a chain of calls leads from one service to another.
fn reaches(from: &str, to: &str) -> bool {
    let mut seen = vec![from];
    let mut next = 0;
    while let Some(name) = seen.get(next).copied() {
        next += 1;
        for call in find(name).map(|service| service.calls).unwrap_or_default() {
            if !seen.contains(&call.to) {
                seen.push(call.to);
            }
        }
    }
    seen.contains(&to)
}

/// A command-line parser of a service's name. The help lists all names.
pub fn parser() -> impl TypedValueParser<Value = &'static Service> {
    let names = PossibleValuesParser::new(SERVICES.map(|service| service.name));
    names.try_map(|name| find(&name).ok_or("there is no such service"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_name_services_that_there_are_and_lead_back_in_the_background_alone() {
        for service in SERVICES {
            for call in service.calls {
                assert!(find(call.to).is_some_and(|to| to != service), "{service} calls {}", call.to);
                let circle = call.when == When::Requested && leads_back(call.to, service.name, SERVICES.len());
                assert!(!circle, "{service} → {} leads back to {service}: one waits for the other", call.to);
            }
        }
    }

    /// Returns true if at most `limit` requested calls lead from one service to another.
    fn leads_back(from: &str, to: &str, limit: usize) -> bool {
        let calls = find(from).map(|service| service.calls).unwrap_or_default();
        let mut requested = calls.iter().filter(|call| call.when == When::Requested);
        limit > 0 && requested.any(|call| call.to == to || leads_back(call.to, to, limit - 1))
    }

    #[test]
    fn each_service_is_listed_after_those_that_it_calls() {
        let listed = callees_first();

        let place = |name: &str| listed.iter().position(|service| service.name == name);
        for service in SERVICES {
            for call in service.calls.iter().filter(|call| call.when == When::Requested) {
                assert!(place(call.to) < place(service.name), "{service} calls {}: {listed:?}", call.to);
            }
        }
        assert_eq!(listed.len(), SERVICES.len());
    }

    #[test]
    fn the_database_of_iam_is_read_only_where_its_url_is_set() {
        let readable = |url: &str| {
            let settings = Settings::from_variables([("IAM_DATABASE_URL", url.to_owned())]);
            readable(&settings).map(|service| service.name).collect::<Vec<_>>()
        };
        let [without, with] = [readable(""), readable("postgres://iam@127.0.0.1/iam")];

        assert!(!without.contains(&"iam") && without.contains(&"order"), "{without:?}");
        assert_eq!(with.len(), without.len() + 1);
    }

    #[test]
    fn services_listen_on_loopback_unless_an_address_is_set() {
        let listens = |variables: &[(&'static str, &str)]| {
            let settings = Settings::from_variables(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
            order::SERVICE.listeners(&settings).map(|all| all.into_iter().map(|(_, address)| address.ip().to_string()))
        };
        let ips = |variables: &[(&'static str, &str)]| listens(variables).map(Vec::from_iter);

        assert_eq!(ips(&[]).unwrap(), ["127.0.0.1", "127.0.0.1"]);
        assert_eq!(ips(&[("LISTEN_IP", "0.0.0.0")]).unwrap(), ["0.0.0.0", "0.0.0.0"]);
        assert_eq!(
            ips(&[("LISTEN_IP", "0.0.0.0"), ("ORDER_LISTEN", "127.0.0.2:1")]).unwrap(),
            ["127.0.0.2", "0.0.0.0"]
        );
        assert!(ips(&[("LISTEN_IP", "anywhere")]).unwrap_err().to_string().starts_with("LISTEN_IP: "));
    }
}
