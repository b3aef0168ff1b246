//! The location of a peer, a single address or a host name that stands for several addresses, and the transport of its
//! channels: TCP, or TLS over TCP.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use async_trait::async_trait;
use base::config::ConfigError;
use http::{Uri, uri::Authority};
use tonic::transport::{Channel, Endpoint};

use crate::tls::{self, Connector, Tls};

pub struct Target {
    url: Uri,
    /// The host name to resolve, and the port. `None` for an IP address.
    name: Option<(String, u16)>,
    /// `None` for plain text.
    connector: Option<Connector>,
}

impl Target {
    /// Parses `address`, which is `host:port` or a URL. Fails if the URL's scheme contradicts `tls`. Errors name
    /// `variable`. Over TLS the server's certificate must name `service`, if it is set.
    pub fn parse(
        tls: Option<&Tls>,
        service: Option<&'static str>,
        variable: &str,
        address: &str,
    ) -> Result<Self, ConfigError> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let wrong = || ConfigError::new(variable, "is not an address such as host:port");
        let url: Uri = if address.contains("://") { address.parse() } else { format!("{scheme}://{address}").parse() }
            .map_err(|_| wrong())?;
        if url.scheme_str() != Some(scheme) {
            let problem = match tls {
                Some(_) => "is plain text, and TLS is on; leave http:// out".to_owned(),
                None => format!("is not http://; TLS needs {} and its two companions", tls::CA),
            };
            return Err(ConfigError::new(variable, problem));
        }
        let host = url.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        // The parser ignores a port that is not a number.
        let names_port = url.authority().is_some_and(|authority| !authority.as_str().ends_with(host));
        if names_port && url.port_u16().is_none() {
            return Err(wrong());
        }
        let connector = tls.map(|tls| Connector::new(tls.clone(), host, service).ok_or_else(wrong)).transpose()?;
        let port = url.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
        let is_literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        let name = (!is_literal).then(|| (host.to_owned(), port));
        Ok(Self { url, name, connector })
    }

    pub fn name(&self) -> Option<(&str, u16)> {
        self.name.as_ref().map(|(host, port)| (host.as_str(), *port))
    }

    /// Creates a channel that connects on first use, and again after its connection ends: to the address `replica` of
    /// the peer's name, or with `None` to the peer's own address.
    pub fn channel(&self, replica: Option<SocketAddr>) -> Channel {
        let endpoint = self.endpoint(replica);
        let Some(connector) = self.connector.clone() else { return endpoint.connect_lazy() };
        endpoint.connect_with_connector_lazy(tower::service_fn(move |url: Uri| {
            let address = format!("{}:{}", url.host().unwrap_or_default(), url.port_u16().unwrap_or(443));
            connector.clone().connect(address)
        }))
    }

    /// Returns the settings of a channel to `replica`, as for [`channel`](Self::channel).
    fn endpoint(&self, replica: Option<SocketAddr>) -> Endpoint {
        let url = replica.and_then(|address| self.at(address).ok()).unwrap_or_else(|| self.url.clone());
        Endpoint::from(url)
            // Requests have the peer's name as their authority, although the connection goes to one address.
            .origin(self.url.clone())
            .connect_timeout(Duration::from_secs(1))
            .tcp_nodelay(true)
            // Closes a connection over a dead link within four seconds, so that the next call or health check opens a
            // new one.
            .http2_keep_alive_interval(Duration::from_secs(2))
            .keep_alive_timeout(Duration::from_secs(2))
            .keep_alive_while_idle(true)
    }

    /// Returns the URL with `address` in place of the host name.
    fn at(&self, address: SocketAddr) -> Result<Uri, http::Error> {
        let mut parts = self.url.clone().into_parts();
        parts.authority = Some(Authority::try_from(address.to_string())?);
        Ok(Uri::from_parts(parts)?)
    }
}

#[async_trait]
pub trait Resolver: Send + Sync {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The resolver of the operating system, which uses the hosts file and DNS.
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_and_a_literal_address_is_not() {
        let cases = [
            ("127.0.0.1:7400", None),
            ("[::1]:7400", None),
            ("http://10.1.2.3:7400", None),
            ("peer:7400", Some(("peer", 7400))),
            ("http://peer.example.com:7400/", Some(("peer.example.com", 7400))),
            ("http://other.example.com", Some(("other.example.com", 80))),
            ("localhost:7401", Some(("localhost", 7401))),
        ];

        for (address, expected) in cases {
            assert_eq!(Target::parse(None, None, "PEER_ADDRESS", address).unwrap().name(), expected, "{address}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_name_of_its_variable() {
        for wrong in ["", "not an address", "http://", "peer:port", "https://peer:7400"] {
            let refusal = Target::parse(None, None, "PEER_ADDRESS", wrong).map(drop).unwrap_err().to_string();

            assert!(refusal.contains("PEER_ADDRESS"), "{wrong}: {refusal}");
        }
    }
}
