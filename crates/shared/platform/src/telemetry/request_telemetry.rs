//! Observability of requests. Each request gets a span, a debug log line, a count and a histogram sample; each HTTP
//! response has the trace id in `X-Trace-Id`. With TLS, only the gateway and services can make a span continue their
//! trace. A stranger's request begins a new trace, since the stranger would otherwise choose the trace ids of this
//! system's spans and whether they are recorded.
//!
//! Callers choose paths, methods and content types freely. So the value of a label or a span name is either known to
//! the server or `unknown`.

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
use metrics::SharedString;
use opentelemetry_http::HeaderExtractor;
use tokio::time::Instant;
use tonic::Code;
use tracing::Instrument as _;

use crate::{grpc::Rpcs, http::request_path, telemetry, tls::Identity};

/// The label's value for an actual value that the server does not know.
const UNKNOWN: &str = "unknown";

const TRACE_HEADERS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// [`Config::trust_trace_headers`](super::Config::trust_trace_headers) of this process.
static TRUSTS_TRACE_HEADERS: AtomicBool = AtomicBool::new(false);

pub(super) fn trust_trace_headers(trusts: bool) {
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
        None => request_path::shown(request.extensions(), request.uri()),
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
    telemetry::continue_trace(&span, &HeaderExtractor(request.headers()));
    let trace_id = telemetry::trace_id(&span);
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
mod tests {
    use std::collections::HashMap;

    use axum::{
        Router,
        body::Body,
        middleware::{Next, from_fn},
        routing::get,
    };
    use opentelemetry::{global, trace::TracerProvider as _};
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
    use tower::ServiceExt as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// Sends a request for each path to a router with the route `/customers/{id}/erase`. Returns the recorded spans as
    /// text.
    async fn spans(paths: &[&str]) -> String {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let _recording = crate::telemetry::subscribe(tracing_subscriber::registry().with(layer));
        let observed =
            from_fn(async |request: Request, next: Next| http(request, async |request| next.run(request).await).await);
        let router = Router::new().route("/customers/{id}/erase", get(async || ())).layer(observed);
        for path in paths {
            let request = Request::builder().uri(*path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap();
        }
        format!("{:?}", exporter.get_finished_spans().unwrap())
    }

    #[tokio::test]
    async fn no_span_of_a_request_has_the_id_of_a_customer() {
        let told =
            spans(&["/customers/ann/erase", "/customers/ann/erased", "/ann", "/customers/a%6en/erase?id=ann"]).await;

        assert!(told.contains("/customers/{id}/erase") && told.contains(UNKNOWN), "{told}");
        assert!(!told.contains("ann") && !told.contains("a%6en"), "{told}");
    }

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    /// Returns the trace headers of an event that a request's handler records. The request continues the trace
    /// [`TRACE`], with baggage, and comes from `identity`.
    async fn recorded(content_type: &str, identity: Option<Identity>) -> HashMap<String, String> {
        global::set_text_map_propagator(telemetry::propagator());
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let _recording = crate::telemetry::subscribe(tracing_subscriber::registry().with(layer));
        let parent = format!("00-{TRACE}-b7ad6b7169203331-00");
        let request =
            Request::builder().header("traceparent", parent).header("tracestate", "c=d").header("baggage", "a=b");
        let mut request = request.header("content-type", content_type).body(Body::empty()).unwrap();
        if let Some(identity) = identity {
            request.extensions_mut().insert(identity);
        }
        let rpcs = Rpcs::new(&[], &[]).unwrap();
        let mut headers = HashMap::new();
        let handler = async |_: Request| {
            headers = telemetry::trace_context();
            Response::default()
        };
        if content_type == "over http" {
            http(request, handler).await;
        } else {
            grpc(&rpcs, request, handler).await;
        }
        headers
    }

    #[test]
    fn a_caller_over_http_without_tls_continues_a_trace_only_where_the_gateway_alone_calls() {
        assert!(may_continue_trace(None, true) && !may_continue_trace(None, false));
        assert!(
            may_continue_trace(Some(&Identity::Gateway), false) && !may_continue_trace(Some(&Identity::Anyone), true)
        );
    }

    #[tokio::test]
    async fn a_stranger_begins_a_new_trace_without_baggage() {
        let order = || Some(Identity::Service("order".into()));
        for (content_type, identity, continues) in [
            ("over http", None, false),
            ("over http", Some(Identity::Anyone), false),
            ("over http", order(), false),
            ("over http", Some(Identity::Gateway), true),
            ("application/json", None, false),
            ("application/grpc", Some(Identity::Operator), false),
            ("application/grpc", Some(Identity::Gateway), true),
            ("application/grpc", order(), true),
            // Without TLS, gRPC calls of other services look like those of strangers.
            ("application/grpc", None, true),
        ] {
            let case = format!("{content_type} of {identity:?}");
            let headers = recorded(content_type, identity).await;

            let (parent, text) = (&headers["traceparent"], |name: &str| headers.get(name).map_or("", String::as_str));
            assert_eq!(parent.contains(TRACE), continues, "{case}: {headers:?}");
            assert!(continues || parent.ends_with("-01"), "{case}: {headers:?}");
            let context = if continues { ("c=d", "a=b") } else { ("", "") };
            assert_eq!((text("tracestate"), text("baggage")), context, "{case}: {headers:?}");
        }
    }
}
