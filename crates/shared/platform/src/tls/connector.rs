//! The connector of a channel: TCP, then the handshake with the current certificates.

use std::{io, sync::Arc};

use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::Tls;

/// A connection for HTTP/2.
pub type Io = TokioIo<TlsStream<TcpStream>>;

/// Connects to a server of this name. Clones share it.
#[derive(Clone)]
pub struct Connector {
    trust: Trust,
    server: Arc<ServerName<'static>>,
}

/// Where the settings of the next connection come from.
#[derive(Clone)]
enum Trust {
    /// The files of this process, as they are then.
    Files(Tls),
    Fixed(Arc<ClientConfig>),
}

impl Connector {
    /// `host` is the name or IP address that the server's certificate must have. Returns `None` if `host` is neither.
    pub fn new(tls: Tls, host: &str) -> Option<Self> {
        Some(Self { trust: Trust::Files(tls), server: server(host)? })
    }

    /// Creates a connector whose settings never change, for a short-lived tool.
    pub fn trusting(config: ClientConfig, host: &str) -> Option<Self> {
        Some(Self { trust: Trust::Fixed(Arc::new(config)), server: server(host)? })
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
