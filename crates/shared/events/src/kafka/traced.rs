//! Traces the records of an outbox: each gets a producer span in the trace of its change.

use async_trait::async_trait;
use base::trace;
use outbox::{PublishOutcome, Publisher, Record};
use tracing::Span;

/// A publisher with a span for each record. A record continues the trace in its headers, and its consumers continue the
/// span.
pub struct Traced<P>(pub P);

/// Creates the span of publishing one record, in the trace of the change.
fn publish_span(record: &Record) -> Span {
    let name = format!("{} publish", record.topic);
    let span = tracing::info_span!(parent: None, "publish", otel.name = name, otel.kind = "producer");
    trace::continue_trace(&span, &record.headers);
    span
}

/// Returns the records with the trace contexts of their spans.
fn traced(mut records: Vec<Record>) -> (Vec<Record>, Vec<Span>) {
    let spans: Vec<Span> = records.iter().map(publish_span).collect();
    for (record, span) in records.iter_mut().zip(&spans) {
        record.headers.extend(span.in_scope(trace::trace_context));
    }
    (records, spans)
}

#[async_trait]
impl<P: Publisher> Publisher for Traced<P> {
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        // The spans stay open until the outcomes are known.
        let (records, _spans) = traced(records);
        self.0.publish(records).await
    }

    async fn publish_each(&self, records: Vec<Record>) -> Vec<PublishOutcome> {
        let (records, _spans) = traced(records);
        self.0.publish_each(records).await
    }
}
