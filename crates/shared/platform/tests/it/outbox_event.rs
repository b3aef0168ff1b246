//! Tests of the trace context that is stored with an event, and of the one with which its record is published.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use outbox::{Publisher, Record};
use platform::{kafka::Traced, telemetry};

use crate::recording::{TRACE, record, trace_headers};

#[test]
fn the_events_of_each_row_of_a_job_have_a_trace_of_their_own() {
    let _recording = record();
    let traces_of = |row: &tracing::Span| {
        let id = telemetry::trace_id(row).expect("a span has a trace");
        for trace in row.in_scope(|| [telemetry::trace(), telemetry::trace()]) {
            let parent = trace["traceparent"].as_str().expect("an event has a trace");
            assert!(parent.starts_with(&format!("00-{id}-")), "{parent}");
        }
        id
    };

    let caller = tracing::info_span!("caller");
    let ids = caller.in_scope(|| [telemetry::job_span("one"), telemetry::job_span("one")]).map(|row| traces_of(&row));

    assert_ne!(ids[0], ids[1]);
    assert!(!ids.contains(&traces_of(&caller)), "a job continues no trace");
}

/// A publisher that keeps the headers of the records.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<HashMap<String, String>>>>);

#[async_trait]
impl Publisher for Kept {
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        self.0.lock().expect("no panic").extend(records.into_iter().map(|record| record.headers));
        Ok(())
    }
}

#[tokio::test]
async fn a_published_record_continues_the_trace_of_its_change_in_a_span_of_its_own() {
    let _recording = record();
    let kept = Kept::default();
    let mut headers = trace_headers("k=v");
    headers.insert("event-type".to_owned(), "kind".to_owned());
    let stored = headers["traceparent"].clone();
    let record = Record { topic: "topic".to_owned(), key: Vec::new(), payload: Vec::new(), headers };

    Traced(kept.clone()).publish_each(vec![record]).await;

    let published = kept.0.lock().expect("no panic").clone();
    let [headers] = &published[..] else { panic!("{published:?}") };
    let parent = &headers["traceparent"];
    assert!(parent.starts_with(&format!("00-{TRACE}-")) && *parent != stored, "{parent}");
    assert_eq!((&*headers["baggage"], &*headers["event-type"]), ("k=v", "kind"));
}
