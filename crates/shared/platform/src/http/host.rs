//! The `Host` of an HTTP request (RFC 9112, section 3.2).

use axum::{
    extract::Request,
    http::{Version, header::HOST, uri::Authority},
};

use crate::http::problem::Problem;

/// Fails if a request has an invalid `Host`, more than one, or none although its version requires one: a gateway could
/// interpret such a request differently.
pub(crate) fn check(request: &Request) -> Result<(), Problem> {
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
