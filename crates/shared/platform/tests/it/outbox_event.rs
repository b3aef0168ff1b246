//! Tests of the uuid of an event in the outbox, and of the trace context that is stored with the event.

use platform::{outbox, telemetry};
use uuid::Uuid;

use crate::recording::record;

const PAID: &str = "events.v1.OrderPaid";

#[test]
fn the_uuid_of_an_event_is_a_v5_of_its_key_and_type_with_its_part_behind_a_slash() {
    let key = Uuid::from_u128(1);

    assert_eq!(outbox::event_uuid(key, PAID, None), Uuid::new_v5(&key, PAID.as_bytes()));
    assert_eq!(outbox::event_uuid(key, PAID, Some("2")), Uuid::new_v5(&key, b"events.v1.OrderPaid/2"));
}

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
