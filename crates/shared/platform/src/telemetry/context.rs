//! The trace context of calls and events: W3C `traceparent`, `tracestate` and `baggage`.

use std::collections::HashMap;

use http::HeaderMap;
use opentelemetry::{
    global,
    propagation::{Extractor, Injector, TextMapCompositePropagator},
    trace::TraceContextExt as _,
};
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::listener::MAX_HEADER_BYTES;

/// The maximum length in bytes of a `tracestate` that is continued: the length that every system should pass on (W3C
/// Trace Context, section "tracestate Limits").
const MAX_TRACESTATE_BYTES: usize = 512;
/// The maximum length in bytes of `baggage` that is continued: a sixteenth of the headers that this system's servers
/// accept. Percent-encoding may triple the baggage of a call, which has other headers, too, such as the sessions of 64
/// orders.
const MAX_BAGGAGE_BYTES: usize = MAX_HEADER_BYTES as usize / 16;

/// Creates the propagator for trace headers: W3C trace context and baggage.
pub fn propagator() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![Box::new(TraceContextPropagator::new()), Box::new(BaggagePropagator::new())])
}

/// Returns the trace context of the current span as the headers of an event: `traceparent`, `tracestate` and `baggage`,
/// if present.
pub fn trace_context() -> HashMap<String, String> {
    let mut headers = HashMap::new();
    inject(&mut headers);
    headers
}

pub(crate) fn add_trace_context(headers: &mut HeaderMap) {
    inject(&mut HeaderInjector(headers));
}

fn inject(headers: &mut dyn Injector) {
    let context = tracing::Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, headers));
}

/// Hides a `tracestate` or `baggage` that is too long to be passed on.
struct Bounded<'a>(&'a dyn Extractor);

impl Extractor for Bounded<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let limit = match name {
            "tracestate" => MAX_TRACESTATE_BYTES,
            "baggage" => MAX_BAGGAGE_BYTES,
            _ => usize::MAX,
        };
        self.0.get(name).filter(|value| value.len() <= limit)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys()
    }
}

/// Makes `span` a child of the trace context in the headers of a call or an event. Drops a `tracestate` of more than
/// 512 bytes and `baggage` of more than 1 KiB, with which the calls within the span could have more headers than a
/// server accepts.
pub fn continue_trace(span: &tracing::Span, headers: &dyn Extractor) {
    let context = global::get_text_map_propagator(|propagator| propagator.extract(&Bounded(headers)));
    if context.span().span_context().is_valid() {
        let _ = span.set_parent(context);
    }
}

/// Creates the span of one row that a background job processes. It begins a trace, to which the row's events and calls
/// belong. `name` is the name of the span.
pub fn job_span(name: &'static str) -> tracing::Span {
    tracing::info_span!(parent: None, "job", otel.name = name)
}

/// Returns the trace id as 32 hex digits, if there is one.
pub fn trace_id(span: &tracing::Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let id = span.span_context();
    id.is_valid().then(|| id.trace_id().to_string())
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    /// Returns the trace headers of a call within a span that continues a trace with this `tracestate` and `baggage`.
    fn sent(tracestate: &str, baggage: &str) -> HeaderMap {
        global::set_text_map_propagator(propagator());
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let _recording = crate::telemetry::subscribe(tracing_subscriber::registry().with(layer));
        let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
        let received = [("traceparent", parent.as_str()), ("tracestate", tracestate), ("baggage", baggage)];
        let received: HashMap<String, String> =
            received.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let span = tracing::info_span!("request");
        continue_trace(&span, &received);
        let mut headers = HeaderMap::new();
        span.in_scope(|| add_trace_context(&mut headers));
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
}
