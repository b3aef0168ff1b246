//! Observability of requests. Each request gets a span that continues the caller's trace, a debug log line, a count and a histogram sample;
//! each HTTP response has the trace id in `X-Trace-Id`.
//!
//! Callers choose paths, methods and content types freely. So the value of a label or a span name is either known to the server or
//! `unknown`.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    response::Response,
};
use metrics::SharedString;
use opentelemetry_http::HeaderExtractor;
use tokio::time::Instant;
use tonic::Code;
use tracing::Instrument as _;

use crate::{grpc::Rpcs, telemetry};

/// The value of a label if the server does not know the actual value.
const UNKNOWN: &str = "unknown";
/// The maximum length in bytes of a path in a span. It is longer than the path of any route.
const PATH_SHOWN: usize = 256;

/// Observes a request to an HTTP server. The labels are the matched routes. Drops baggage, which only other services send, over gRPC:
/// outside callers would choose its content and size.
pub(crate) async fn http(mut request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    request.headers_mut().remove("baggage");
    observe(None, request, next).await
}

/// Observes a call of a gRPC server. The labels are the server's RPCs. Requests that are not gRPC are observed as HTTP.
pub(crate) async fn grpc(rpcs: &Rpcs, request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    if !is_grpc(request.headers()) {
        return http(request, next).await;
    }
    let rpc = rpcs.find(request.uri().path()).unwrap_or_else(|| UNKNOWN.into());
    observe(Some(rpc), request, next).await
}

/// The status codes that RPCs return: OK, the codes of errors at the edge and in the platform, and those of tonic. tonic returns CANCELLED
/// after the deadline in `grpc-timeout`, and UNIMPLEMENTED for an unknown method or compression.
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

/// Exports the counters of a gRPC server with the value 0. Otherwise `rate()` would miss the first increment, with which a series begins.
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
    let path = request.uri().path();
    let method = method(request.method());
    // Callers check the health of every replica once a second. Spans of these calls would be most of all traces, so there are none.
    let is_probe = path.starts_with("/grpc.health.");
    let request_span = || {
        tracing::info_span!(
            "request",
            otel.name = rpc.as_deref().map_or(&*route, |rpc| rpc.trim_start_matches('/')),
            otel.kind = "server",
            method,
            path = &path[..path.floor_char_boundary(PATH_SHOWN)],
        )
    };
    let span = if is_probe { tracing::Span::none() } else { request_span() };
    telemetry::continue_trace(&span, &HeaderExtractor(request.headers()));
    let trace_id = telemetry::trace_id(&span);
    let start = Instant::now();

    let mut response = next(request).instrument(span.clone()).await;

    let elapsed = start.elapsed();
    if let Some(rpc) = rpc {
        let (rpc, code) = (SharedString::from(rpc), grpc_code(response.headers()));
        span.in_scope(|| tracing::debug!(code, ?elapsed, "answered"));
        metrics::counter!("grpc_server_handled_total", "rpc" => rpc.clone(), "code" => code.to_string()).increment(1);
        metrics::histogram!("grpc_server_handling_seconds", "rpc" => rpc).record(elapsed);
    } else {
        let (route, status) = (SharedString::from(route), response.status().as_u16());
        span.in_scope(|| tracing::debug!(status, ?elapsed, "answered"));
        metrics::counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status.to_string())
            .increment(1);
        metrics::histogram!("http_request_duration_seconds", "route" => route).record(elapsed);
        if let Some(id) = trace_id.and_then(|id| HeaderValue::try_from(id).ok()) {
            response.headers_mut().insert(HeaderName::from_static("x-trace-id"), id);
        }
    }
    response
}

/// Returns the label of a method: a method of RFC 9110, PATCH, or `unknown`, since a caller may send any token.
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

/// Returns the status code of a call that failed at once. A successful call sends its status later, in the trailers, so this returns 0
/// (OK).
fn grpc_code(headers: &HeaderMap) -> i32 {
    headers.get("grpc-status").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use axum::body::Body;
    use opentelemetry::{global, trace::TracerProvider as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[tokio::test]
    async fn baggage_goes_from_service_to_service_and_does_not_come_in_from_outside() {
        const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
        global::set_text_map_propagator(telemetry::propagator());
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let _recording = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        let request = |content_type| {
            let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
            let request = Request::builder().header("traceparent", parent).header("baggage", "a=b");
            request.header("content-type", content_type).body(Body::empty()).unwrap()
        };
        let rpcs = Rpcs::new(&[], &[]).unwrap();
        let (mut over_http, mut not_grpc, mut over_grpc) = (HashMap::new(), HashMap::new(), HashMap::new());

        http(request("application/grpc"), async |_| {
            over_http = telemetry::trace_context();
            Response::default()
        })
        .await;
        grpc(&rpcs, request("application/json"), async |_| {
            not_grpc = telemetry::trace_context();
            Response::default()
        })
        .await;
        grpc(&rpcs, request("application/grpc"), async |_| {
            over_grpc = telemetry::trace_context();
            Response::default()
        })
        .await;

        for headers in [&over_http, &not_grpc, &over_grpc] {
            assert!(headers["traceparent"].contains(TRACE), "{headers:?}");
        }
        for headers in [&over_http, &not_grpc] {
            assert!(headers.keys().all(|name| name == "traceparent" || name == "tracestate"), "{headers:?}");
        }
        assert_eq!(over_grpc["baggage"], "a=b");
    }
}
