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

/// Creates the propagator for trace headers: W3C trace context and baggage.
pub(crate) fn propagator() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![Box::new(TraceContextPropagator::new()), Box::new(BaggagePropagator::new())])
}

/// Returns the trace context of the current span as the headers of an event: `traceparent`, `tracestate` and `baggage`, if present.
pub fn trace_context() -> HashMap<String, String> {
    let mut headers = HashMap::new();
    inject(&mut headers);
    headers
}

/// Adds the trace context of the current span to the headers of a call.
pub(crate) fn add_trace_context(headers: &mut HeaderMap) {
    inject(&mut HeaderInjector(headers));
}

fn inject(headers: &mut dyn Injector) {
    let context = tracing::Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, headers));
}

/// Makes `span` a child of the trace context in the headers of a call or an event.
pub fn continue_trace(span: &tracing::Span, headers: &dyn Extractor) {
    let context = global::get_text_map_propagator(|propagator| propagator.extract(headers));
    if context.span().span_context().is_valid() {
        let _ = span.set_parent(context);
    }
}

/// Creates the span of one row that a background job works on. It begins a trace, to which the row's events and calls belong. `name` is the
/// name of the span.
pub fn job_span(name: &'static str) -> tracing::Span {
    tracing::info_span!(parent: None, "job", otel.name = name)
}

/// Returns the trace id of `span` as 32 hex digits, or `None` if the span has none.
pub fn trace_id(span: &tracing::Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let id = span.span_context();
    id.is_valid().then(|| id.trace_id().to_string())
}
