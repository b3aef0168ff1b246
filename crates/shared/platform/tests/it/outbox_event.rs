//! Tests of the uuid of an event in the outbox, and of the trace context that is stored with the event.

use opentelemetry::{global, trace::TracerProvider as _};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
use platform::{outbox, telemetry};
use tracing_subscriber::layer::SubscriberExt as _;
use uuid::Uuid;

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
    global::set_text_map_propagator(TraceContextPropagator::new());
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));

    let _recording = platform::telemetry::subscribe(tracing_subscriber::registry().with(layer));

    let span = tracing::info_span!("change");
    let (trace, id) = span.in_scope(|| (outbox::trace(), telemetry::trace_id(&span).unwrap()));

    let parent = trace["traceparent"].as_str().unwrap();
    assert!(parent.starts_with(&format!("00-{id}-")), "{parent}");
}
