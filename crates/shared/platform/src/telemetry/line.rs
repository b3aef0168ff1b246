//! Lines of the log in one of tracing-subscriber's formats, with the ids of the event's trace and span.

use std::fmt;

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use tracing::{Event, Subscriber, dispatcher};
use tracing_opentelemetry::get_otel_context;
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Appends the ids to a format's lines, since tracing-subscriber knows no traces: `trace_id` and `span_id` to a JSON
/// object, the trace id, which a response has in `X-Trace-Id`, to a line for people.
pub(super) struct WithIds<F> {
    pub format: F,
    pub is_json: bool,
}

impl<S, N, F> FormatEvent<S, N> for WithIds<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let ids = context.parent_span().and_then(|span| {
            let traced = dispatcher::get_default(|dispatch| get_otel_context(&span.id(), dispatch))?;
            Some(traced.span().span_context().clone()).filter(SpanContext::is_valid)
        });
        let Some(ids) = ids else { return self.format.format_event(context, line, event) };
        let (trace, span) = (ids.trace_id(), ids.span_id());
        let mut text = String::new();
        self.format.format_event(context, Writer::new(&mut text), event)?;
        if self.is_json {
            let object = text.strip_suffix("}\n").ok_or(fmt::Error)?;
            writeln!(line, r#"{object},"trace_id":"{trace}","span_id":"{span}"}}"#)
        } else {
            writeln!(line, "{} trace_id={trace}", text.trim_end())
        }
    }
}
