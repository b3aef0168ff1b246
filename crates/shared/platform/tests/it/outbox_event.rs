//! Tests of the uuid of an event in the outbox, and of the trace context that is stored with the event.

use platform::{outbox, telemetry};
use uuid::Uuid;

use crate::recording::record;

const PAID: &str = "events.v1.OrderPaid";

#[test]
fn an_event_has_the_same_uuid_each_time_and_another_for_another_key_or_kind() {
    let [one, other] = [1, 2].map(Uuid::from_u128);

    let uuid = outbox::event_uuid(one, PAID, None);

    assert_eq!(outbox::event_uuid(one, PAID, None), uuid);
    assert_ne!(outbox::event_uuid(other, PAID, None), uuid);
    assert_ne!(outbox::event_uuid(one, "events.v1.OrderCreated", None), uuid);
}

#[test]
fn the_uuid_of_an_event_is_a_v5_of_its_key_and_type_with_its_part_behind_a_slash() {
    let key = Uuid::from_u128(1);

    assert_eq!(outbox::event_uuid(key, PAID, None), Uuid::new_v5(&key, PAID.as_bytes()));
    assert_eq!(outbox::event_uuid(key, PAID, Some("2")), Uuid::new_v5(&key, b"events.v1.OrderPaid/2"));
}

#[test]
fn an_event_keeps_the_trace_of_its_change() {
    let _recording = record();

    let span = tracing::info_span!("change");
    let (trace, id) = span.in_scope(|| (outbox::trace(), telemetry::trace_id(&span).unwrap()));

    let parent = trace["traceparent"].as_str().unwrap();
    assert!(parent.starts_with(&format!("00-{id}-")), "{parent}");
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
