//! Tests of the trace context that is stored with an event.

use platform::{outbox, telemetry};

use crate::recording::record;

#[test]
fn the_events_of_each_row_of_a_job_have_a_trace_of_their_own() {
    let _recording = record();
    let traces_of = |row: &tracing::Span| {
        let id = telemetry::trace_id(row).expect("a span has a trace");
        for trace in row.in_scope(|| [outbox::trace(), outbox::trace()]) {
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
