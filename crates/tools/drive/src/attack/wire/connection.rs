//! An attacker's connections, and ordinary clients for attacks that follow the protocol. A connection is counted while
//! open, and has another source address than the customers' if possible. It uses TLS if the entrance does.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::either::Either;
use tonic::transport::{Channel, Endpoint};

use crate::attack::{
    attacker::{Attacker, Place},
    entrances::Entrance,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The attackers' source address to a shop on this machine, where customers have 127.0.0.1.
pub const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

pub type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

pub struct Connection {
    pub stream: Stream,
    pub attacker: Arc<Attacker>,
    _place: Place,
}

/// Returns the source address for connections to `target`; `None` if the system chooses it.
pub fn source(target: SocketAddr) -> Option<IpAddr> {
    match target.ip() {
        IpAddr::V4(address) if address.is_loopback() => Some(SOURCE.into()),
        _ => None,
    }
}

/// Connects, with a TLS handshake if the entrance requires it.
async fn connect(entrance: &Entrance) -> io::Result<Stream> {
    connect_from(entrance, source(entrance.address)).await
}

/// Connects with the source address `from`; with `None`, the system chooses the address.
async fn connect_from(entrance: &Entrance, from: Option<IpAddr>) -> io::Result<Stream> {
    let connecting = async {
        let stream = tcp(entrance.address, from).await?;
        let Some((config, name)) = entrance.tls.clone() else { return Ok(Either::Left(stream)) };
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Ok(Either::Right(Box::new(stream)))
    };
    timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn tcp(target: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = from {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(target).await?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

impl Connection {
    /// Opens a connection. A failure counts as refused.
    pub async fn open(attacker: &Arc<Attacker>, entrance: &Entrance) -> io::Result<Self> {
        Self::new(attacker, connect(entrance).await)
    }

    /// Opens a connection without a TLS handshake.
    pub async fn raw(attacker: &Arc<Attacker>, entrance: &Entrance) -> io::Result<Self> {
        let connecting = timeout(CONNECT_TIMEOUT, tcp(entrance.address, source(entrance.address))).await;
        Self::new(attacker, connecting.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map(Either::Left))
    }

    fn new(attacker: &Arc<Attacker>, connected: io::Result<Stream>) -> io::Result<Self> {
        match connected {
            Ok(stream) => Ok(Self { stream, attacker: attacker.clone(), _place: attacker.place() }),
            Err(error) => {
                attacker.was_refused();
                Err(error)
            }
        }
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        // TLS buffers bytes that the socket does not accept at once.
        self.stream.flush().await
    }

    /// Sends an HTTP/1.1 request that asks the server to close the connection. Returns the response, or an empty text.
    pub async fn ask(mut self, request: &str) -> String {
        let mut response = Vec::new();
        if self.write(request.as_bytes()).await.is_ok() {
            let _ = self.stream.read_to_end(&mut response).await;
        }
        String::from_utf8_lossy(&response).into_owned()
    }

    pub fn reset(self) {
        let socket = match &self.stream {
            Either::Left(socket) => socket,
            Either::Right(tls) => tls.get_ref().0,
        };
        let _ = socket.set_zero_linger();
    }

    /// Reads and discards data until the server closes the connection, which counts as refused.
    pub async fn wait_for_close(&mut self) {
        let _ = tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await;
        self.attacker.was_refused();
    }
}

/// Creates an HTTP client; `None` if that fails.
pub fn client(target: &Entrance) -> Option<reqwest::Client> {
    let builder = platform::http::client_builder().timeout(REQUEST_TIMEOUT).local_address(source(target.address));
    let builder = match &target.tls {
        Some((config, _)) => builder.tls_backend_preconfigured(ClientConfig::clone(config)),
        None => builder,
    };
    builder.build().ok()
}

/// Returns a gRPC channel that connects lazily.
pub fn channel(target: &Entrance) -> Option<Channel> {
    channel_from(target, source(target.address))
}

/// Returns a lazy channel with the source address `from`; with `None`, the system chooses the address, as for other
/// clients.
pub fn channel_from(target: &Entrance, from: Option<IpAddr>) -> Option<Channel> {
    let endpoint = Endpoint::from_shared(target.url.clone()).ok()?.timeout(REQUEST_TIMEOUT);
    let target = target.clone();
    Some(endpoint.connect_with_connector_lazy(tower::service_fn(move |_: http::Uri| {
        let target = target.clone();
        async move { connect_from(&target, from).await.map(TokioIo::new) }
    })))
}
