//! Tests of the spans and the trace context of requests.

use std::collections::HashMap;

use axum::{
    Router,
    body::Body,
    middleware::{Next, from_fn},
    routing::get,
};
use base::{
    memory_log::subscribe,
    trace::{MAX_TRACESTATE_BYTES, inject, propagator, trace_context},
};
use opentelemetry::{global, trace::TracerProvider as _};
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tower::ServiceExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

/// Sends a request for each path to a router with the route `/people/{person_id}/erase`. Returns the recorded spans as
/// text.
async fn spans(paths: &[&str]) -> String {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _recording = subscribe(tracing_subscriber::registry().with(layer));
    let observed =
        from_fn(async |request: Request, next: Next| http(request, async |request| next.run(request).await).await);
    let router = Router::new().route("/people/{person_id}/erase", get(async || ())).layer(observed);
    for path in paths {
        let request = Request::builder().uri(*path).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap();
    }
    format!("{:?}", exporter.get_finished_spans().unwrap())
}

#[tokio::test]
async fn no_span_of_a_request_has_the_id_of_a_person() {
    let told = spans(&["/people/ann/erase", "/people/ann/erased", "/ann", "/people/a%6en/erase?id=ann"]).await;

    assert!(told.contains("/people/{person_id}/erase") && told.contains(UNKNOWN), "{told}");
    assert!(!told.contains("ann") && !told.contains("a%6en"), "{told}");
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Returns the trace headers of an event that a request's handler records. The request continues the trace
/// [`TRACE`], with baggage, and comes from `identity`.
async fn recorded(content_type: &str, identity: Option<Identity>) -> HashMap<String, String> {
    global::set_text_map_propagator(propagator());
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _recording = subscribe(tracing_subscriber::registry().with(layer));
    let parent = format!("00-{TRACE}-b7ad6b7169203331-00");
    let request = Request::builder().header("traceparent", parent).header("tracestate", "c=d").header("baggage", "a=b");
    let mut request = request.header("content-type", content_type).body(Body::empty()).unwrap();
    if let Some(identity) = identity {
        request.extensions_mut().insert(identity);
    }
    let rpcs = Rpcs::new(&[], &[]).unwrap();
    let mut headers = HashMap::new();
    let handler = async |_: Request| {
        headers = trace_context();
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
    assert!(may_continue_trace(Some(&Identity::Gateway), false) && !may_continue_trace(Some(&Identity::Anyone), true));
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

/// Returns the trace headers of a call within a span that continues a trace with this `tracestate` and `baggage`.
fn sent(tracestate: &str, baggage: &str) -> HeaderMap {
    global::set_text_map_propagator(propagator());
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _recording = subscribe(tracing_subscriber::registry().with(layer));
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let received = [("traceparent", parent.as_str()), ("tracestate", tracestate), ("baggage", baggage)];
    let received: HashMap<String, String> =
        received.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let span = tracing::info_span!("request");
    continue_trace(&span, &received);
    let mut headers = HeaderMap::new();
    span.in_scope(|| inject(&mut HeaderInjector(&mut headers)));
    headers
}

/// Returns a `tracestate` of this length, which must be more than 260.
fn tracestate(length: usize) -> String {
    format!("a={},b={}", "x".repeat(length - 260), "x".repeat(255))
}

/// Returns `baggage` of this length whose value consists of characters that are percent-encoded in a call.
fn baggage(length: usize) -> String {
    format!("k={}", "\"".repeat(length - 2))
}

#[test]
fn the_trace_headers_of_a_call_have_a_bound_and_longer_ones_are_dropped() {
    let headers = sent(&tracestate(MAX_TRACESTATE_BYTES), &baggage(MAX_BAGGAGE_BYTES));

    assert_eq!(headers["tracestate"].len(), MAX_TRACESTATE_BYTES);
    assert_eq!(headers["baggage"].len(), 3 * MAX_BAGGAGE_BYTES - 4, "2 bytes are not encoded");
    // HTTP/2 counts 32 bytes more for each header (RFC 9113, section 6.5.2).
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    assert!(bytes <= usize::from(MAX_HEADER_BYTES) / 4, "{bytes} bytes");
    let headers = sent(&tracestate(MAX_TRACESTATE_BYTES + 1), &baggage(MAX_BAGGAGE_BYTES + 1));
    assert!(headers["traceparent"].to_str().unwrap().contains(TRACE), "{headers:?}");
    assert!(headers["tracestate"].is_empty() && !headers.contains_key("baggage"), "{headers:?}");
}
