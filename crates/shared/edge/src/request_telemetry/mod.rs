//! Observability of requests.
//!
//! Each request gets a span, a debug log line, a count and a histogram sample; each HTTP response has the trace id in
//! `X-Trace-Id`. With TLS, only the gateway and services can make a span continue their trace. A stranger's request
//! begins a new trace, since the stranger would otherwise choose the trace ids of this system's spans and whether they
//! are recorded.
//!
//! Callers choose paths, methods and content types freely. So the value of a label or a span name is either known to
//! the server or `unknown`.

mod rpcs;

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    response::Response,
};
use base::trace::{MAX_BAGGAGE_BYTES, continue_trace, trace_id};
use metrics::SharedString;
use opentelemetry_http::HeaderExtractor;
use tokio::time::Instant;
use tonic::Code;
use tracing::Instrument as _;

pub(crate) use self::rpcs::Rpcs;
use crate::{listener::MAX_HEADER_BYTES, request_target, tls::Identity};

/// The label's value for an actual value that the server does not know.
const UNKNOWN: &str = "unknown";

const TRACE_HEADERS: [&str; 3] = ["traceparent", "tracestate", "baggage"];
// The baggage that a call passes on leaves room for its other headers.
const _: () = assert!(MAX_BAGGAGE_BYTES <= MAX_HEADER_BYTES as usize / 16);

/// Whether HTTP requests without TLS may continue a trace, see [`trust_trace_headers`].
static TRUSTS_TRACE_HEADERS: AtomicBool = AtomicBool::new(false);

/// Sets whether HTTP requests to this process without TLS may continue a trace: only if the gateway, which removes the
/// trace headers of callers outside, is the only caller.
pub fn trust_trace_headers(trusts: bool) {
    TRUSTS_TRACE_HEADERS.store(trusts, Relaxed);
}

/// Observes a request to an HTTP server, labelled with the matched route. Drops the trace of a caller that is not the
/// gateway, since services call each other over gRPC.
pub(crate) async fn http(mut request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    if !may_continue_trace(request.extensions().get(), TRUSTS_TRACE_HEADERS.load(Relaxed)) {
        drop_trace(request.headers_mut());
    }
    observe(None, request, next).await
}

/// Returns true if an HTTP caller may continue a trace. Without TLS, `trusted` decides.
fn may_continue_trace(identity: Option<&Identity>, trusted: bool) -> bool {
    identity.map_or(trusted, |identity| *identity == Identity::Gateway)
}

/// Observes a call of a gRPC server, labelled with its RPC. Requests that are not gRPC are observed as HTTP. Drops the
/// trace of a caller whose certificate is neither a service's nor the gateway's. Without TLS the caller is not known
/// here, since some calls between services carry no token; the gateway drops the trace of callers from outside.
pub(crate) async fn grpc(rpcs: &Rpcs, mut request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    if !is_grpc(request.headers()) {
        return http(request, next).await;
    }
    if let Some(Identity::Operator | Identity::Anyone) = request.extensions().get() {
        drop_trace(request.headers_mut());
    }
    let rpc = rpcs.find(request.uri().path()).unwrap_or_else(|| UNKNOWN.into());
    observe(Some(rpc), request, next).await
}

/// The status codes that RPCs return: OK, the codes of errors at the edge and in the platform, and tonic's own. tonic
/// returns CANCELLED after the deadline in `grpc-timeout`, and UNIMPLEMENTED for an unknown method or compression.
const CODES: [Code; 14] = [
    Code::Ok,
    Code::Cancelled,
    Code::InvalidArgument,
    Code::DeadlineExceeded,
    Code::NotFound,
    Code::AlreadyExists,
    Code::PermissionDenied,
    Code::ResourceExhausted,
    Code::FailedPrecondition,
    Code::Aborted,
    Code::Unimplemented,
    Code::Internal,
    Code::Unavailable,
    Code::Unauthenticated,
];

/// Exports the counters of a gRPC server with the value 0. Otherwise a series would begin with its first increment,
/// which `rate()` would miss.
pub(crate) fn count_from_zero(rpcs: &Rpcs) {
    for rpc in rpcs.iter() {
        for code in CODES {
            let (rpc, code) = (SharedString::from(rpc.clone()), i32::from(code).to_string());
            metrics::counter!("grpc_server_handled_total", "rpc" => rpc, "code" => code).increment(0);
        }
    }
}

async fn observe(rpc: Option<Arc<str>>, request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| UNKNOWN.into(), |path| Arc::from(path.as_str()));
    // A path that no route matches may contain anything.
    let path = match &rpc {
        Some(rpc) => Cow::Borrowed(&**rpc),
        None if &*route == UNKNOWN => Cow::Borrowed(UNKNOWN),
        None => request_target::shown_path(request.extensions(), request.uri()),
    };
    let method = method(request.method());
    // Callers check the health of every replica once a second. Spans of these calls would be most of all spans, so
    // there are none.
    let is_probe = path.starts_with("/grpc.health.");
    let request_span = || {
        let name = match &rpc {
            Some(rpc) => Cow::Borrowed(rpc.trim_start_matches('/')),
            None => Cow::Owned(format!("{method} {route}")),
        };
        tracing::info_span!("request", otel.name = &*name, otel.kind = "server", method, path = &*path)
    };
    let span = if is_probe { tracing::Span::none() } else { request_span() };
    continue_trace(&span, &HeaderExtractor(request.headers()));
    let trace_id = trace_id(&span);
    let start = Instant::now();

    let mut response = next(request).instrument(span.clone()).await;

    let elapsed = start.elapsed();
    if let Some(rpc) = rpc {
        let (rpc, code) = (SharedString::from(rpc), grpc_code(response.headers()));
        span.in_scope(|| tracing::debug!(code, ?elapsed, "request completed"));
        metrics::counter!("grpc_server_handled_total", "rpc" => rpc.clone(), "code" => code.to_string()).increment(1);
        metrics::histogram!("grpc_server_handling_seconds", "rpc" => rpc).record(elapsed);
    } else {
        let (route, status) = (SharedString::from(route), response.status().as_u16());
        span.in_scope(|| tracing::debug!(status, ?elapsed, "request completed"));
        metrics::counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status.to_string())
            .increment(1);
        metrics::histogram!("http_request_duration_seconds", "route" => route).record(elapsed);
        if let Some(id) = trace_id.and_then(|id| HeaderValue::try_from(id).ok()) {
            response.headers_mut().insert(HeaderName::from_static("x-trace-id"), id);
        }
    }
    response
}

fn drop_trace(headers: &mut HeaderMap) {
    for name in TRACE_HEADERS {
        headers.remove(name);
    }
}

/// Returns a method of RFC 9110, PATCH, or `unknown`, since a caller may send any token.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => UNKNOWN,
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(http::header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// Returns the status code of a call that failed at once. A successful call sends its status later, in the trailers, so
/// this returns 0 (OK).
fn grpc_code(headers: &HeaderMap) -> i32 {
    headers.get("grpc-status").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
