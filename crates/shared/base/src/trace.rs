//! The trace context that connects the spans of requests, calls and events: W3C `traceparent`, `tracestate` and
//! `baggage`.

use std::collections::HashMap;

use opentelemetry::{
    global,
    propagation::{Extractor, Injector, TextMapCompositePropagator},
    trace::TraceContextExt as _,
};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The maximum length in bytes of a `tracestate` that is continued: the length that every system should pass on (W3C
/// Trace Context, section "tracestate Limits").
pub const MAX_TRACESTATE_BYTES: usize = 512;
/// The maximum length in bytes of `baggage` that is continued: a sixteenth of the headers that this system's servers
/// accept. Percent-encoding may triple the baggage of a call, which has other headers, too.
pub const MAX_BAGGAGE_BYTES: usize = 1024;

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

/// The trace context that is stored with an event, in the column `trace` of the outbox.
pub type Trace = serde_json::Value;

/// Returns the trace context of the current span, to be stored with an event.
pub fn trace() -> Trace {
    trace_context().into_iter().collect()
}

/// Adds the trace context of the current span to the headers of a call.
pub fn inject(headers: &mut dyn Injector) {
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
