//! HTTP server: the layers around every request, and graceful shutdown. `listener::connection` sets the limits of the
//! HTTP protocol.

pub(crate) mod discard_body;
pub mod endpoints;
pub(crate) mod host;
pub mod inbound;
pub mod json;
pub mod openapi;
pub mod openapi_pages;
pub mod own_hosts;
pub mod problem;
pub mod query;
pub(crate) mod rejection;
pub(crate) mod request_body;
pub(crate) mod request_path;
pub mod response_body;
pub(crate) mod response_headers;
pub(crate) mod wrong_members;

use std::{panic::AssertUnwindSafe, time::Duration};

use anyhow::Context as _;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use backon::{ConstantBuilder, Retryable as _};
use futures::FutureExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    deadline,
    http::{
        discard_body::discard_rest,
        problem::Problem,
        request_body::{Arrivals, Arrived, NotArrived},
        response_headers::secured,
    },
    listener::{Listener, Protocol},
    load_shed,
    server::readiness::Readiness,
    shared_layer::shared,
    telemetry::request_telemetry,
    tls::Identity,
};
pub use crate::{
    deadline::REQUEST_TIMEOUT,
    http::{
        rejection::{as_problem, method_not_allowed, not_found},
        request_body::BODY_LIMIT,
    },
};

/// Creates a client for HTTP APIs. A request takes at most `timeout`, of which connecting takes at most two seconds.
pub fn client(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    let builder = client_builder().timeout(timeout).connect_timeout(Duration::from_secs(2));
    builder.build().context("making an HTTP client")
}

/// Returns a builder for HTTP clients, after installing a cryptography provider, without which building a client would
/// panic.
#[expect(clippy::disallowed_methods, reason = "all other clients are made here")]
pub fn client_builder() -> reqwest::ClientBuilder {
    // Fails if a provider is installed already, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}

/// Returns true if the client accepts HTML, as browsers do.
pub fn asks_for_page(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "text/html"))
}

/// Binds `address` for the listener that `variable` configures. If the port stays in use for two seconds, the error
/// names `variable`.
pub async fn bind(variable: &str, address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    // The default ports are in the range of ports for outgoing connections, so the operating system may have assigned
    // one for a moment.
    let pauses = ConstantBuilder::new().with_delay(Duration::from_millis(100)).with_max_times(20);
    let bind = || TcpListener::bind(address);
    let bound = bind.retry(pauses).when(|error| error.kind() == std::io::ErrorKind::AddrInUse).await;
    bound.with_context(|| {
        format!("cannot listen on {address}; stop what listens there or set {variable} to another address")
    })
}

/// Adds the layer around a public API: tracing, metrics, a check of `Host`, limits on the bytes of bodies, time limits for receiving the body and for handling the request, status 500 for
/// panics, discarding the rest of a body after an early response, and security headers.
///
/// Error responses of the framework are converted to problem documents.
pub fn layers(router: Router) -> Router {
    layers_with(router, BODY_LIMIT)
}

/// Like [`layers`], for an API with bodies of up to `body_limit` bytes.
pub fn layers_with(router: Router, body_limit: usize) -> Router {
    let bodies = Bodies { arrivals: Arrivals::default(), limit: body_limit };
    router.layer(shared(axum::middleware::from_fn_with_state(bodies, request_layer)))
}

/// The bodies that an API is receiving. Clones share them.
#[derive(Clone)]
struct Bodies {
    arrivals: Arrivals,
    /// The maximum size of a body in bytes.
    limit: usize,
}

/// One layer, since each layer of axum costs each request several allocations.
async fn request_layer(State(bodies): State<Bodies>, request: Request, next: Next) -> Response {
    // Only requests over TLS have an identity.
    let is_over_tls = request.extensions().get::<Identity>().is_some();
    let handle = async |request: Request| received(&bodies, request, next).await;
    secured(request_telemetry::http(request, handle).await, is_over_tls)
}

/// Handles a request once its body has arrived, or has turned out too long: then the endpoint rejects it or does not
/// read it.
async fn received(bodies: &Bodies, request: Request, next: Next) -> Response {
    if let Err(problem) = host::check(&request) {
        return problem.into_response();
    }
    let (parts, body) = request.into_parts();
    let body = match bodies.arrivals.read(body, bodies.limit).await {
        Ok(Arrived::Whole(body)) => Body::from(body),
        Ok(Arrived::TooLong(body)) => body,
        Err(error) => return not_arrived(error).into_response(),
    };
    let handle = async |request: Request| within_room(&bodies.arrivals, request, next).await;
    discard_rest(Request::from_parts(parts, body), handle).await
}

/// Handles a request, unless too many bytes of bodies are being handled.
async fn within_room(arrivals: &Arrivals, request: Request, next: Next) -> Response {
    let Some(_room) = arrivals.room(load_shed::body_size(&request)) else {
        return load_shed::refusal().into_response();
    };
    let handle = async |request: Request| next.run(request).await;
    catch_panics(bounded(as_problem(request, handle)), || Problem::internal().into_response()).await
}

/// Serves until `stop`, continues during the drain, then finishes the requests in flight within
/// [`shutdown::REQUESTS_TIMEOUT`](crate::server::shutdown::REQUESTS_TIMEOUT).
pub async fn serve(
    listener: impl Into<Listener>,
    router: Router,
    readiness: Readiness,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    listener.into().serve(Protocol::Http, router, readiness, stop).await
}

fn not_arrived(error: NotArrived) -> Problem {
    match error {
        NotArrived::TooSlow | NotArrived::GivenUp => {
            Problem::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", error.to_string())
        }
        NotArrived::BrokenOff => Problem::invalid("body", error),
    }
}

/// Returns the response of `work`, or `answer()` after a panic, which the panic hook has logged.
pub(crate) async fn catch_panics(work: impl Future<Output = Response>, answer: impl FnOnce() -> Response) -> Response {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a request handler panicked");
        answer()
    })
}

/// Limits the time of `work`, and of the calls that it makes to other services.
async fn bounded(work: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(REQUEST_TIMEOUT, deadline::within(REQUEST_TIMEOUT, work))
        .await
        .unwrap_or_else(|_| Problem::unavailable("the request took too long").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_port_that_becomes_free_in_a_moment_is_waited_for() {
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = other.local_addr().unwrap();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            drop(other);
        });

        let listener = bind("EXAMPLE_LISTEN", address).await.unwrap();

        assert_eq!(listener.local_addr().unwrap(), address);
    }
}
