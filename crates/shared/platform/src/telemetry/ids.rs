//! The ids of traces and spans, as log lines have them.

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

pub(super) fn trace_id<S>(span: &SpanRef<'_, S>) -> Option<String>
where
    S: for<'span> LookupSpan<'span>,
{
    id(span, |context| context.trace_id().to_string())
}

pub(super) fn span_id<S>(span: &SpanRef<'_, S>) -> Option<String>
where
    S: for<'span> LookupSpan<'span>,
{
    id(span, |context| context.span_id().to_string())
}

fn id<S>(span: &SpanRef<'_, S>, get: impl Fn(&SpanContext) -> String) -> Option<String>
where
    S: for<'span> LookupSpan<'span>,
{
    let id = span.id();
    let context = tracing::dispatcher::get_default(|dispatch| tracing_opentelemetry::get_otel_context(&id, dispatch))?;
    let span = context.span();
    Some(span.span_context()).filter(|context| context.is_valid()).map(get)
}
