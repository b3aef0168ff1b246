//! Accept loop of every HTTP and gRPC listener. It limits connections and shuts down gracefully.
//!
//! Strangers can open connections at will. So each accepted connection has its own task, including its TLS handshake,
//! and cannot delay the next `accept`; and each occupies one of a bounded number of [`slots`].

mod activity;
mod connection;
mod responses;
mod slots;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use base::{deadline::REQUEST_TIMEOUT, readiness::Readiness};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::connection::MAX_HEADER_BYTES;
pub use self::slots::{forwarded, network};
use self::{
    connection::{Connection, Protocols},
    responses::Responses,
    slots::ConnectionSlots,
};
use crate::tls::Acceptor;

/// The backoff after an error of `accept` about more than one connection, such as too many open files.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

pub struct Listener {
    socket: TcpListener,
    limits: Limits,
    /// `None` for plain text.
    tls: Option<Arc<Acceptor>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// `MAX_CONNECTIONS`: the maximum number of connections in total. The limit of open files may allow fewer.
    #[serde(deserialize_with = "base::config::bounded::count")]
    pub max_connections: usize,
    /// `MAX_CONNECTIONS_PER_ADDRESS`: the maximum number of connections from one IPv4 address or IPv6 network. All
    /// connections through a gateway come from one address.
    #[serde(deserialize_with = "base::config::bounded::count")]
    pub max_connections_per_address: usize,
    /// `GRPC_MAX_IN_FLIGHT`: the maximum number of calls in flight of a gRPC listener. One user may have a quarter of
    /// them.
    #[serde(deserialize_with = "base::config::bounded::count")]
    pub grpc_max_in_flight: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1 or HTTP/2, as the client chooses.
    Http,
    Grpc,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_connections: 4096, max_connections_per_address: 1024, grpc_max_in_flight: 1024 }
    }
}

impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        Self { socket, limits: Limits::default(), tls: None }
    }
}

impl Listener {
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Returns a listener whose connections begin with a TLS handshake.
    #[must_use]
    pub fn with_tls(self, acceptor: Acceptor) -> Self {
        Self { tls: Some(Arc::new(acceptor)), ..self }
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(crate) fn max_calls_in_flight(&self) -> usize {
        self.limits.grpc_max_in_flight
    }

    /// Serves `router` until `stop`, continues during the drain, then finishes the requests in flight within
    /// [`REQUEST_TIMEOUT`].
    pub(crate) async fn serve(
        self,
        protocol: Protocol,
        router: Router,
        readiness: Readiness,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        count_from_zero();
        // Closes every connection that is still open when this function returns.
        let closed = CancellationToken::new();
        let _close = closed.clone().drop_guard();
        let finish = CancellationToken::new();
        let server = Arc::new(Server {
            protocols: Protocols::new(protocol),
            router,
            tls: self.tls,
            slots: Arc::new(ConnectionSlots::new(self.limits, closed)),
            responses: Responses::default(),
            stop: stop.clone(),
            finish: finish.clone(),
            open: TaskTracker::new(),
        });
        let (open, responses) = (server.open.clone(), server.responses.clone());
        let (drain, drained) = (readiness.drain(), readiness.drained(stop.clone()));
        let work = async {
            // The socket is closed with the accept loop, before connections finish, so that the operating system
            // refuses new connections at once.
            tokio::select! {
                () = drained => {}
                never = accept(self.socket, server) => match never {},
            }
            finish.cancel();
            open.close();
            open.wait().await;
            Ok(())
        };
        let limited = async {
            tokio::select! {
                ended = work => ended,
                never = responses.limit_time() => never,
            }
        };
        within_bounds(limited, drain, &stop).await
    }
}

/// Runs `server` until it ends, or until `drain` and [`REQUEST_TIMEOUT`] have passed after `stop`; then drops requests
/// still in flight.
pub async fn within_bounds(
    server: impl Future<Output = anyhow::Result<()>>,
    drain: Duration,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(drain + REQUEST_TIMEOUT).await;
    };
    tokio::select! {
        ended = server => ended,
        () = late => {
            tracing::warn!("requests did not end in time and are dropped");
            Ok(())
        }
    }
}

/// Exports the counters of refusals with the value 0. Otherwise a series would begin with its first increment, which
/// `rate()` would miss.
fn count_from_zero() {
    let counters = [
        "answers_given_up_total",
        "bodies_given_up_total",
        "connections_displaced_total",
        "connections_refused_total",
        "requests_left_by_clients_total",
        "requests_of_one_user_shed_total",
        "requests_shed_total",
        "tls_handshake_failures_total",
    ];
    for name in counters {
        metrics::counter!(name).increment(0);
    }
}

struct Server {
    protocols: Protocols,
    router: Router,
    tls: Option<Arc<Acceptor>>,
    slots: Arc<ConnectionSlots>,
    responses: Responses,
    /// Cancelled when the drain begins.
    stop: CancellationToken,
    /// Cancelled when connections must finish their requests and close.
    finish: CancellationToken,
    /// The connections, and the requests that outlive their connection.
    open: TaskTracker,
}

async fn accept(socket: TcpListener, server: Arc<Server>) -> Infallible {
    let mut was_well = true;
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => {
                was_well = true;
                // Without a slot the stream is dropped, which closes the connection.
                if let Some(slot) = server.slots.take(peer.ip()) {
                    server.open.spawn(Connection::new(stream, peer, slot).run(server.clone()));
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if was_well {
                    tracing::error!(%error, "accept failed, retrying");
                }
                was_well = false;
                server.slots.displace_one();
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// Returns true if the client left before its connection was accepted. Any other error concerns the process or the
/// operating system.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
