//! Serves one connection: set-up, time limits, requests and closing.
//!
//! A connection that ends drops the futures of its requests, which would stop a handler between two steps of a change.
//! So the rest of such work moves to a task of its own, with its slots, its time limit and its span. The slots bound
//! the number of such tasks.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Version, header::CONNECTION},
    response::Response,
};
use futures::future::BoxFuture;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::TcpStream,
    runtime::Handle,
    time::{Instant, sleep_until},
};
use tokio_rustls::server::TlsStream;
use tokio_util::{either::Either, task::TaskTracker};
use tonic::transport::server::TcpConnectInfo;
use tower::ServiceExt as _;

use super::{
    Protocol, Server,
    activity::{Activity, Watched},
    responses::Place,
    slots::ConnectionSlot,
};
use crate::{
    request_target,
    tls::{Acceptor, Admitted, Identity},
};

/// The time limit for the head of a request, and for the first bytes of a connection. An idle HTTP/1.1 connection is
/// also kept open for this time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The length in bytes of the preface that opens an HTTP/2 connection (RFC 9113, section 3.4). Every HTTP/1.1 request
/// with a header is at least as long.
const PREFACE_LENGTH: usize = 24;
/// An HTTP/2 connection without requests is kept open for this long. It is closed with GOAWAY, which loses no request.
const IDLE_TIMEOUT: Duration = Duration::from_mins(5);
/// The maximum lifetime of a connection, which also ends a connection whose client never reads. After this time the
/// server asks the client to leave, and closes the connection after [`CLOSE_TIMEOUT`].
const MAX_AGE: Duration = Duration::from_mins(30);
const CLOSE_TIMEOUT: Duration = Duration::from_mins(1);
pub const MAX_HEADER_BYTES: u16 = 16 * 1024;
/// The maximum number of concurrent requests on one HTTP/2 connection.
const MAX_CONCURRENT_STREAMS: u32 = 256;
/// The maximum number of requests that a client may have reset before the server began them. More resets close the
/// connection (rapid reset, CVE-2023-44487). It equals the number of concurrent requests, since a gateway resets all
/// requests of a client that leaves, on a connection shared with other clients.
const MAX_PENDING_RESETS: usize = MAX_CONCURRENT_STREAMS as usize;
/// The maximum streams per connection that the server has reset because of the client's protocol errors.
const MAX_OWN_RESETS: usize = 1024;
/// How many unread bytes a client may send, per request and (below) per HTTP/2 connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How many bytes of a response HTTP/2 buffers, within the client's window.
const SEND_BUFFER: usize = 64 * 1024;

pub(super) struct Protocols {
    http: Builder<TokioExecutor>,
    protocol: Protocol,
}

impl Protocols {
    pub fn new(protocol: Protocol) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            // A client that has sent its request may close its side before it reads the response (RFC 9112, 9.6).
            .half_close(true)
            .max_buf_size(MAX_HEADER_BYTES.into())
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(5))
            .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
            .max_header_list_size(MAX_HEADER_BYTES.into())
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_local_error_reset_streams(MAX_OWN_RESETS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER);
        Self { http: if protocol == Protocol::Grpc { builder.http2_only() } else { builder }, protocol }
    }

    /// Returns true if the request may change something, according to its method.
    fn is_change(&self, request: &Request) -> bool {
        match self.protocol {
            Protocol::Http => !request.method().is_safe(),
            Protocol::Grpc => !request_target::is_read(request.uri().path()),
        }
    }
}

pub(super) struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    slot: ConnectionSlot,
}

enum Verdict {
    /// Keep the connection open, and check again at this time.
    Keep(Instant),
    /// Finish the requests in flight, then close the connection.
    Finish,
    Close,
}

impl Connection {
    pub fn new(stream: TcpStream, peer: SocketAddr, slot: ConnectionSlot) -> Self {
        Self { stream, peer, slot }
    }

    pub async fn run(self, server: Arc<Server>) {
        let Self { stream, peer, slot } = self;
        let opened = Instant::now();
        let _ = stream.set_nodelay(true);
        let info = TcpConnectInfo { local_addr: stream.local_addr().ok(), remote_addr: Some(peer) };
        let stream = tokio::select! {
            ready = set_up(stream, peer, server.tls.as_deref()) => ready,
            () = slot.lost() => return,
        };
        let Some((stream, identity)) = stream else { return };
        let activity = slot.activity().clone();
        let io = TokioIo::new(Watched::new(stream, activity.clone()));
        let requests = {
            let (place, server) = (slot.place(), server.clone());
            service_fn(move |mut request: hyper::Request<Incoming>| {
                if let Some(identity) = identity.clone() {
                    request.extensions_mut().insert(identity);
                }
                let server = server.clone();
                respond(request, place.clone(), server, info.clone())
            })
        };
        let mut http = std::pin::pin!(server.protocols.http.serve_connection(io, requests));
        let mut look = std::pin::pin!(sleep_until(opened + HEAD_TIMEOUT));
        let mut is_finishing = false;
        loop {
            let verdict = tokio::select! {
                ended = http.as_mut() => {
                    if let Err(error) = ended {
                        tracing::trace!(%peer, error, "connection ended");
                    }
                    return;
                }
                () = slot.lost() => Verdict::Close,
                () = server.finish.cancelled(), if !is_finishing => Verdict::Finish,
                () = look.as_mut() => verdict(opened, is_finishing, &activity),
            };
            match verdict {
                Verdict::Keep(until) => look.as_mut().reset(until),
                Verdict::Finish => {
                    is_finishing = true;
                    http.as_mut().graceful_shutdown();
                    look.as_mut().reset(Instant::now() + CLOSE_TIMEOUT);
                }
                Verdict::Close => return,
            }
        }
    }
}

type Wire = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Performs the TLS handshake, if the listener uses TLS, within a time limit. Returns the stream and the client.
async fn set_up(stream: TcpStream, peer: SocketAddr, tls: Option<&Acceptor>) -> Option<(Wire, Option<Identity>)> {
    let Some(tls) = tls else { return Some((Either::Left(stream), None)) };
    let Admitted { stream, identity } = tls.accept(stream, peer).await?;
    Some((Either::Right(Box::new(stream)), Some(identity)))
}

/// Handles one request. A request that changes something is completed even if its client leaves. Returns an error,
/// which closes the connection, if the connection was displaced before the request began.
async fn respond(
    request: hyper::Request<Incoming>,
    place: Place,
    server: Arc<Server>,
    info: TcpConnectInfo,
) -> io::Result<Response> {
    // hyper may notice the end of a stream only after the end of its connection.
    let _open = server.open.token();
    let in_hand = place.activity.begin().ok_or(io::ErrorKind::ConnectionAborted)?;
    let mut request: Request = request.map(Body::new);
    request.extensions_mut().insert(info);
    let (is_change, version) = (server.protocols.is_change(&request), request.version());
    let work = server.router.clone().oneshot(request);
    let Ok(mut response) = if is_change { ToItsEnd::new(work, server.open.clone()).await } else { work.await };
    if version <= Version::HTTP_11 && server.stop.is_cancelled() {
        // HTTP/2 has GOAWAY. Over HTTP/1.1 the server can only close an idle connection, and would lose a request that
        // arrives at that moment; so the client learns from its last response to send the next one to another replica.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Body::new(server.responses.sent(body, in_hand, &place))))
}

fn verdict(opened: Instant, is_finishing: bool, activity: &Activity) -> Verdict {
    let now = Instant::now();
    let has_begun = activity.has_had_request() || activity.received() >= PREFACE_LENGTH;
    if is_finishing || !has_begun {
        return Verdict::Close;
    }
    let until = match activity.idle_since() {
        Some(since) => (since + IDLE_TIMEOUT).min(opened + MAX_AGE),
        None => (now + IDLE_TIMEOUT).min(opened + MAX_AGE),
    };
    if until <= now { Verdict::Finish } else { Verdict::Keep(until) }
}

/// Work that becomes a task of `tasks` if this future is dropped before its end.
pub(super) struct ToItsEnd<T: Send + 'static> {
    work: Option<BoxFuture<'static, T>>,
    tasks: TaskTracker,
}

impl<T: Send> ToItsEnd<T> {
    pub fn new(work: impl Future<Output = T> + Send + 'static, tasks: TaskTracker) -> Self {
        Self { work: Some(Box::pin(work)), tasks }
    }
}

impl<T: Send> Future for ToItsEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let ended = work.as_mut().poll(context);
        if ended.is_ready() {
            self.work = None;
        }
        ended
    }
}

impl<T: Send> Drop for ToItsEnd<T> {
    fn drop(&mut self) {
        // Panicked work must not be polled again. Without a runtime the process is ending.
        if let Some(work) = self.work.take()
            && !std::thread::panicking()
            && let Ok(runtime) = Handle::try_current()
        {
            metrics::counter!("requests_left_by_clients_total").increment(1);
            self.tasks.spawn_on(work, &runtime);
        }
    }
}
