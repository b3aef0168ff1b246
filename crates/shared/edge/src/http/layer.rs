//! The layer around each endpoint of an HTTP API: limits before it, and security headers of the response after it.
//!
//! Closing a connection on which the client still sends would reset it, and the client would never see the response to
//! a body that is too long. So the rest of the body is read and discarded first.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base::deadline::{self, REQUEST_TIMEOUT};
use futures::FutureExt as _;
use http_body::{Frame, SizeHint};

use crate::{
    problem::{MEDIA_TYPE, Problem, method_not_allowed, not_found},
    request_body::{Arrivals, Arrived, BODY_LIMIT, NotArrived},
    request_target, request_telemetry,
    shared_layer::shared,
    slots,
    tls::Identity,
};

/// Adds the layer around a public API: tracing, metrics, a check of `Host`, limits on the bytes of bodies, time limits
/// for receiving the body and for handling the request, status 500 for panics, discarding the rest of a body after an
/// early response, and security headers.
///
/// Error responses of the framework are converted to problem documents.
pub fn layers(router: Router) -> Router {
    layers_with(router, BODY_LIMIT)
}

/// Like [`layers`], for an API with bodies of up to `body_limit` bytes.
pub fn layers_with(router: Router, body_limit: usize) -> Router {
    around(router, Bodies { arrivals: Arrivals::default(), limit: body_limit, rewrite: None })
}

/// Like [`layers_with`], for an API that writes the problems of some paths in another way.
pub fn layers_with_problems(router: Router, body_limit: usize, rewrite: RewriteProblem) -> Router {
    around(router, Bodies { arrivals: Arrivals::default(), limit: body_limit, rewrite: Some(rewrite) })
}

fn around(router: Router, bodies: Bodies) -> Router {
    router.layer(shared(axum::middleware::from_fn_with_state(bodies, request_layer)))
}

/// Returns the body of a problem in the response to a request with this path, or `None` to keep the problem's own.
pub type RewriteProblem = fn(path: &str, problem: &Problem) -> Option<Body>;

/// The bodies of an API: of the requests that it is receiving, and of its problems. Clones share `arrivals`.
#[derive(Clone)]
struct Bodies {
    arrivals: Arrivals,
    /// The maximum size of a body in bytes.
    limit: usize,
    rewrite: Option<RewriteProblem>,
}

/// One layer, since each layer of axum costs each request several allocations.
async fn request_layer(State(bodies): State<Bodies>, request: Request, next: Next) -> Response {
    // Only requests over TLS have an identity.
    let is_over_tls = request.extensions().get::<Identity>().is_some();
    let rewrite = bodies.rewrite.map(|rewrite| (rewrite, request.uri().clone()));
    let handle = async |request: Request| received(&bodies, request, next).await;
    let mut response = request_telemetry::http(request, handle).await;
    // Here, so that it applies to the problems of endpoints, guard and this layer alike.
    if let Some((rewrite, uri)) = rewrite
        && let Some(problem) = response.extensions_mut().remove::<Problem>()
        && let Some(body) = rewrite(uri.path(), &problem)
    {
        *response.body_mut() = body;
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    secured(response, is_over_tls)
}

/// Handles a request once its body has arrived, or has turned out too long: then the endpoint rejects it or does not
/// read it.
async fn received(bodies: &Bodies, request: Request, next: Next) -> Response {
    if let Err(problem) = request_target::check_host(&request) {
        return problem.into_response();
    }
    let (parts, body) = request.into_parts();
    match bodies.arrivals.read(body, bodies.limit).await {
        Ok(Arrived::Whole(body)) => {
            within_room(&bodies.arrivals, Request::from_parts(parts, Body::from(body)), next).await
        }
        Ok(Arrived::TooLong(body)) => {
            let mut rest = Shared(Arc::new(Mutex::new(body)));
            let request = Request::from_parts(parts, Body::new(rest.clone()));
            let response = within_room(&bodies.arrivals, request, next).await;
            let _ = tokio::time::timeout(READ_TIMEOUT, rest.discard()).await;
            response
        }
        Err(error) => not_arrived(error).into_response(),
    }
}

/// Handles a request, unless too many bytes of bodies are being handled.
async fn within_room(arrivals: &Arrivals, request: Request, next: Next) -> Response {
    let Some(_room) = arrivals.room(slots::body_size(&request)) else {
        return slots::refusal().into_response();
    };
    let handle = async |request: Request| next.run(request).await;
    catch_panics(bounded(as_problem(request, handle)), || Problem::internal().into_response()).await
}

fn not_arrived(error: NotArrived) -> Problem {
    match error {
        NotArrived::TooSlow | NotArrived::GivenUp => {
            Problem::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", error.to_string())
        }
        NotArrived::BrokenOff => Problem::invalid("body", error),
    }
}

/// Returns the response of `work`, or `error()` after a panic, which the panic hook has logged.
pub(crate) async fn catch_panics(work: impl Future<Output = Response>, error: impl FnOnce() -> Response) -> Response {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a request handler panicked");
        error()
    })
}

/// Limits the time of `work`, and of the calls that it makes to other services.
async fn bounded(work: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(REQUEST_TIMEOUT, deadline::within(REQUEST_TIMEOUT, work))
        .await
        .unwrap_or_else(|_| Problem::unavailable("the request took too long").into_response())
}

/// Passes a request on to a router. Converts an error response that is not a problem document yet, and keeps its other
/// headers, such as `Allow`.
pub async fn as_problem(request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = next(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_ours(response.headers()) {
        return response;
    }
    let problem = match status {
        StatusCode::NOT_FOUND => not_found(uri).await,
        StatusCode::METHOD_NOT_ALLOWED => method_not_allowed(method).await,
        status if status.is_server_error() => Problem::new(status, "INTERNAL", "internal error"),
        StatusCode::BAD_REQUEST => Problem::invalid("request", "cannot be read"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Problem::new(status, "UNSUPPORTED_MEDIA_TYPE", "the body must be application/json")
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(status, "PAYLOAD_TOO_LARGE", "the body is too large"),
        status => Problem::new(status, "INVALID_REQUEST", "the request cannot be served as it is"),
    };
    let (mut parts, body) = problem.into_response().into_parts();
    for (name, value) in response.headers() {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH | header::CONTENT_ENCODING) {
            parts.headers.append(name, value.clone());
        }
    }
    Response::from_parts(parts, body)
}

/// Returns true for an endpoint's own response: a problem document, other JSON, or a page.
fn is_ours(headers: &HeaderMap) -> bool {
    const OWN: [&str; 3] = [MEDIA_TYPE, "application/json", "text/html"];
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|value| OWN.iter().any(|own| value.starts_with(own)))
}

/// The default of `Cache-Control`. Most responses depend on the session, and a shared cache does not know that
/// `X-Session-Uuid` is a credential like `Authorization`.
const NOT_CACHED: HeaderValue = HeaderValue::from_static("no-store");
const NO_GUESSING: HeaderValue = HeaderValue::from_static("nosniff");
/// For a browser that shows an API's response as a page. A page sets its own policy.
const NO_PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
);
/// Browsers send no referrer, because paths contain ids.
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// A year, in seconds.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");
/// The challenge that a 401 must have (RFC 9110, section 15.5.2). The scheme is not a registered one, so no browser
/// asks for a password.
const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Session realm="shipyard", header="X-Session-Uuid""#);

/// Adds the headers to a response. Headers that the endpoint has set are kept: `Cache-Control` of a public
/// response, and `Content-Security-Policy` and `Referrer-Policy` of a page.
fn secured(mut response: Response, is_over_tls: bool) -> Response {
    let is_unauthenticated = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(NOT_CACHED);
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NO_PAGE);
    headers.entry(header::REFERRER_POLICY).or_insert(NO_REFERRER);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_GUESSING);
    if is_over_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
    if is_unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    response
}

/// The maximum number of bytes that are discarded.
const MAX_BYTES: usize = 8 << 20;
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A request body that is too long, which the endpoint may read, and then this layer.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl Shared {
    async fn discard(&mut self) {
        let mut left = MAX_BYTES;
        while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut *self).poll_frame(context)).await {
            let Some(remains) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
            left = remains;
        }
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Body) -> T) -> T {
        ask(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|body| if body.is_end_stream() { Poll::Ready(None) } else { Pin::new(body).poll_frame(context) })
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}
