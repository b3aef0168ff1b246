//! The connector of a channel. It opens a TCP connection and performs the handshake with the current certificates.

use std::{io, sync::Arc};

use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::Tls;

/// A TLS connection for HTTP/2.
pub type Io = TokioIo<TlsStream<TcpStream>>;

/// Connects to a server with a certificate of this name. Clones share the settings.
#[derive(Clone)]
pub struct Connector {
    trust: Trust,
    server: Arc<ServerName<'static>>,
}

/// The source of the TLS settings of the next connection.
#[derive(Clone)]
enum Trust {
    /// The files of this process, in their state at the time of the connection.
    Files(Tls),
    Fixed(Arc<ClientConfig>),
}

impl Connector {
    /// Creates a connector. The server's certificate must have `host`, a host name or an IP address. Returns `None` if `host` is neither.
    pub fn new(tls: Tls, host: &str) -> Option<Self> {
        Some(Self { trust: Trust::Files(tls), server: server(host)? })
    }

    /// Creates a connector whose settings never change. Short-lived tools use it.
    pub fn trusting(config: ClientConfig, host: &str) -> Option<Self> {
        Some(Self { trust: Trust::Fixed(Arc::new(config)), server: server(host)? })
    }

    /// Connects to `address` (`host:port`). The caller has to set the time limit.
    pub async fn connect(self, address: String) -> io::Result<Io> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(match &self.trust {
            Trust::Files(tls) => tls.client(),
            Trust::Fixed(config) => config.clone(),
        });
        let stream = connector.connect(ServerName::clone(&self.server), stream).await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the server does not speak HTTP/2 over TLS"));
        }
        Ok(TokioIo::new(stream))
    }
}

fn server(host: &str) -> Option<Arc<ServerName<'static>>> {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some(Arc::new(ServerName::try_from(host).ok()?))
}
