//! The connector of a channel: opens a TCP connection and performs the handshake with the current certificates.

use std::{io, sync::Arc};

use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Tls, identity};

/// A TLS connection for HTTP/2.
pub type Io = TokioIo<TlsStream<TcpStream>>;

/// A connector to a server whose certificate has this host name. Clones share the settings.
#[derive(Clone)]
pub struct Connector {
    trust: Trust,
    server: Arc<ServerName<'static>>,
    /// The service in the URI of the certificate. `None` admits every server with the host name.
    service: Option<&'static str>,
}

/// The source of the TLS settings of the next connection.
#[derive(Clone)]
enum Trust {
    /// The files of this process, in their state at the time of the connection.
    Files(Tls),
    Fixed(Arc<ClientConfig>),
}

impl Connector {
    /// Creates a connector. The server's certificate must have `host`, a host name or an IP address, and if `service`
    /// is set the URI of that service; otherwise another service could respond if DNS is wrong. Returns `None` if
    /// `host` is neither a host name nor an IP address.
    pub fn new(tls: Tls, host: &str, service: Option<&'static str>) -> Option<Self> {
        Some(Self { trust: Trust::Files(tls), server: server(host)?, service })
    }

    /// Creates a connector with fixed settings, for short-lived tools.
    pub fn trusting(config: ClientConfig, host: &str) -> Option<Self> {
        Some(Self { trust: Trust::Fixed(Arc::new(config)), server: server(host)?, service: None })
    }

    /// Connects to `address` (`host:port`). The caller sets the time limit.
    pub async fn connect(self, address: String) -> io::Result<Io> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(match &self.trust {
            Trust::Files(tls) => tls.client(),
            Trust::Fixed(config) => config.clone(),
        });
        let stream = connector.connect(ServerName::clone(&self.server), stream).await?;
        let refused = |reason| Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return refused("the server does not speak HTTP/2 over TLS".to_owned());
        }
        if let Some(service) = self.service {
            let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            match certificate.map(identity::name) {
                Some(Ok(name)) if *name == *service => {}
                Some(Ok(name)) => {
                    return refused(format!("the server's certificate is that of {name}, and not of {service}"));
                }
                Some(Err(reason)) => {
                    return refused(format!("the server's certificate is not that of {service}: {reason}"));
                }
                None => return refused("the server has no certificate".to_owned()),
            }
        }
        Ok(TokioIo::new(stream))
    }
}

fn server(host: &str) -> Option<Arc<ServerName<'static>>> {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some(Arc::new(ServerName::try_from(host).ok()?))
}
