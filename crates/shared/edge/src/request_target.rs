//! The target of a request (RFC 9110, section 7.1): its `Host` (RFC 9112, section 3.2) and its path. This process
//! serves callers without credentials only under the hosts that name it. Logs show a path without ids of people, and
//! the path says whether a method only reads.
//!
//! A page of a stranger can have its visitor's browser send requests to any address, under a name of the stranger
//! (DNS rebinding). Such a request names neither an address nor one of these hosts.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Extensions, StatusCode, Uri, Version, header::HOST, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base::config::{ConfigError, Settings};

use crate::problem::Problem;

/// The variable with further hosts, separated by commas.
const VARIABLE: &str = "ALLOWED_HOSTS";
/// This machine, for itself and for its containers.
const THIS_MACHINE: [&str; 3] = ["localhost", "host.docker.internal", "host.containers.internal"];
/// The suffixes that Kubernetes appends to the name of a service and its namespace. No domain of the Internet ends in
/// them.
const OF_CLUSTER: [&str; 2] = [".svc", ".svc.cluster.local"];

/// Names in lower case. An address is always a host of this process.
#[derive(Clone, Debug)]
pub struct OwnHosts(Arc<[String]>);

impl Default for OwnHosts {
    /// Returns the names of this machine.
    fn default() -> Self {
        Self::named([])
    }
}

impl OwnHosts {
    /// Returns the names of this machine and of these services, and those in `ALLOWED_HOSTS`.
    pub fn load(services: &[&str], settings: &Settings) -> Result<Self, ConfigError> {
        let given =
            settings.get(VARIABLE).unwrap_or_default().split(',').map(str::trim).filter(|host| !host.is_empty());
        let names: Vec<&str> = services.iter().copied().chain(given).collect();
        let is_name = |name: &str| Authority::try_from(name).is_ok_and(|authority| authority.host() == name);
        match names.iter().find(|name| !is_name(name)) {
            Some(name) => Err(ConfigError::new(VARIABLE, format_args!("{name:?} is not a host without a port"))),
            None => Ok(Self::named(names)),
        }
    }

    fn named<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let (full, names) = (host_name(), names.into_iter().map(normalised));
        let own = [full.split('.').next().unwrap_or_default(), &full].map(normalised);
        let all = THIS_MACHINE.into_iter().map(normalised).chain(own).chain(names);
        Self(all.filter(|name| !name.is_empty()).collect())
    }

    /// Returns true if each host that the request names is one of these. A browser always names one.
    pub(crate) fn are_named_by(&self, request: &Request) -> bool {
        let headers = request.headers().get_all(HOST).iter().filter(|host| !host.is_empty());
        let mut named = headers.map(|host| Authority::try_from(host.as_bytes()).ok());
        named.all(|host| host.is_some_and(|host| self.has(host.host())))
            && request.uri().authority().is_none_or(|authority| self.has(authority.host()))
    }

    fn has(&self, host: &str) -> bool {
        let host = normalised(host);
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        let of_cluster = OF_CLUSTER.iter().find_map(|ending| host.strip_suffix(ending)?.split_once('.'));
        let name = of_cluster.map_or(host.as_str(), |(service, _)| service);
        address.parse::<IpAddr>().is_ok() || host.ends_with(".localhost") || self.0.iter().any(|own| own == name)
    }

    /// Middleware: responds 421 to a request under another host.
    pub async fn check(State(hosts): State<Self>, request: Request, next: Next) -> Response {
        if hosts.are_named_by(&request) { next.run(request).await } else { misdirected().into_response() }
    }
}

/// Returns the name of this machine or container, or the empty text if the system does not return it.
pub fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// Why a request under another host is refused, with 421 over HTTP and PERMISSION_DENIED over gRPC.
pub(crate) const MISDIRECTED: &str = "this API does not answer at this host; the variable ALLOWED_HOSTS can add it";

pub(crate) fn misdirected() -> Problem {
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "MISDIRECTED_REQUEST", MISDIRECTED)
}

/// Returns true if calls of this method only read, according to the method's name.
pub(crate) fn is_read(path: &str) -> bool {
    let method = path.rsplit('/').next().unwrap_or_default();
    ["Get", "List"].iter().any(|read| method.starts_with(read)) || ["Whoami", "Check"].contains(&method)
}

/// Returns a host in lower case, without the dot that may end a complete name.
fn normalised(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Fails if a request has an invalid `Host`, more than one, or none although its version requires one: a gateway could
/// interpret such a request differently.
pub(crate) fn check_host(request: &Request) -> Result<(), Problem> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let wrong = |problem| Err(Problem::invalid("Host", problem));
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() == Version::HTTP_11 => wrong("is required"),
        (None, _) => Ok(()),
        (Some(_), Some(_)) => wrong("must be sent at most once"),
        (Some(host), None) if is_valid(host.as_bytes()) => Ok(()),
        (Some(_), None) => wrong("must be a host with an optional port"),
    }
}

/// Returns true for a host with an optional port, and for the empty text, which a client sends if its URL has no host.
fn is_valid(host: &[u8]) -> bool {
    host.is_empty() || Authority::try_from(host).is_ok_and(|host| !host.as_str().contains('@') && has_valid_port(&host))
}

fn has_valid_port(host: &Authority) -> bool {
    let after_host = host.as_str().strip_prefix(host.host()).unwrap_or_default();
    after_host.is_empty() || after_host == ":" || host.port_u16().is_some()
}

/// The maximum length of a shown path in bytes. It is longer than the path of any route.
const MAX_SHOWN_PATH: usize = 256;
/// A route's parameter of this name is the id of a person.
const PERSON: &str = "{person_id}";

/// Returns the path of a request as logs, traces and the audit trail show it: without ids of people, which would
/// outlive the erasure of their data. Some programs use logins as ids.
pub(crate) fn shown_path<'p>(extensions: &Extensions, uri: &'p Uri) -> Cow<'p, str> {
    match extensions.get::<MatchedPath>() {
        Some(route) => without_people(route.as_str(), uri.path()),
        None => cut(uri.path()),
    }
}

/// Returns `path` with the name of the `route`'s parameter in place of a person's id.
fn without_people<'p>(route: &str, path: &'p str) -> Cow<'p, str> {
    if !route.contains(PERSON) {
        return cut(path);
    }
    let segments = route.split('/').zip(path.split('/'));
    let shown: Vec<&str> = segments.map(|(name, value)| if name == PERSON { name } else { value }).collect();
    Cow::Owned(cut(&shown.join("/")).into_owned())
}

fn cut(path: &str) -> Cow<'_, str> {
    Cow::Borrowed(&path[..path.floor_char_boundary(MAX_SHOWN_PATH)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(allowed: &str) -> Result<OwnHosts, ConfigError> {
        OwnHosts::load(&["first"], &Settings::from_variables([(VARIABLE, allowed.to_owned())]))
    }

    #[test]
    fn an_address_and_the_names_of_machine_service_and_variable_are_own_and_others_are_not() {
        let hosts = hosts("system.example, Other.example.").unwrap();
        let is_own = |host: &str| {
            hosts.are_named_by(
                &axum::http::Request::builder().header(HOST, host).body(axum::body::Body::empty()).unwrap(),
            )
        };

        for own in [
            "",
            "127.0.0.1:4712",
            "10.1.2.3",
            "[::1]:80",
            "[2001:db8::1]",
            "LocalHost:4712",
            "localhost.",
            "service.localhost",
            "host.docker.internal:9464",
            &host_name(),
            "first:4711",
            "first.system.svc",
            "first.system.svc.cluster.local.:4711",
            "system.example",
            "OTHER.example:1",
        ] {
            assert!(is_own(own), "{own}");
        }
        for other in
            ["evil.example", "127.0.0.1.evil.example", "first.evil.example", "evil.svc", "a.first", "localhost.example"]
        {
            assert!(!is_own(other), "{other}");
        }
    }

    #[test]
    fn a_host_with_a_port_or_a_scheme_is_named() {
        for wrong in ["system.example:80", "https://system.example", "*.example/"] {
            assert_eq!(hosts(&format!("fine.example,{wrong}")).unwrap_err().variable, VARIABLE, "{wrong}");
        }
    }

    #[test]
    fn a_path_shows_every_parameter_but_the_id_of_a_person() {
        let shown = |route, path| without_people(route, path).into_owned();

        assert_eq!(shown("/people/{person_id}/erase", "/people/ann%2F1/erase"), "/people/{person_id}/erase");
        assert_eq!(shown("/api/{id}/{person_id}", "/api/17/ann"), "/api/17/{person_id}");
        assert_eq!(shown("/people/{id}", "/people/17"), "/people/17");
        assert_eq!(shown("/{*rest}", &format!("/{}", "é".repeat(200))).len(), 255);
    }
}
