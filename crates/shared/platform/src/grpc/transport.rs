//! The transport of a channel: TCP, or TLS over TCP.

use http::Uri;
use tonic::transport::{Channel, Endpoint};

use crate::{
    config::ConfigError,
    tls::{self, Connector, Tls},
};

/// The transport. `None` means plain text.
#[derive(Clone)]
pub struct Transport(Option<Connector>);

impl Transport {
    /// Parses `address` (`host:port` or a URL). Returns its URL and the transport: TLS if `tls` is set. Fails if the
    /// URL's scheme contradicts `tls`; the error names `variable`. Over TLS the server's certificate must name
    /// `service`, if it is set.
    pub fn parse(
        tls: Option<&Tls>,
        service: Option<&'static str>,
        variable: &str,
        address: &str,
    ) -> Result<(Uri, Self), ConfigError> {
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
        Ok((url, Self(connector)))
    }

    /// Returns a channel that connects on first use, and again after its connection ends.
    pub fn connect_lazy(&self, endpoint: &Endpoint) -> Channel {
        let Some(connector) = self.0.clone() else { return endpoint.connect_lazy() };
        endpoint.connect_with_connector_lazy(tower::service_fn(move |url: Uri| {
            let address = format!("{}:{}", url.host().unwrap_or_default(), url.port_u16().unwrap_or(443));
            connector.clone().connect(address)
        }))
    }
}
