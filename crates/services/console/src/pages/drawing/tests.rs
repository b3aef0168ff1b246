//! Tests of the drawing of a timeline.

use chrono::{DateTime, Duration, TimeZone, Utc};
use serde_json::Value;

use super::{Drawing, layout::Mark};
use crate::{
    model::{Kind, Step},
    pages::steps::StepView,
};

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 26, 4, 0, 0).unwrap()
}

fn state(ms: i64, service: &'static str, name: &str) -> StepView {
    StepView {
        step: Step {
            place: 0,
            is_repeat: false,
            at: start() + Duration::milliseconds(ms),
            kind: Kind::State,
            service,
            name: name.to_owned(),
            topic: None,
            partition: None,
            offset: None,
            event_uuid: None,
            trace_id: None,
            detail: Value::Null,
        },
        trace_url: None,
        committed_ms: None,
        published_ms: None,
        consumed_ms: None,
        consumers: Vec::new(),
        payload: Vec::new(),
        headers: Vec::new(),
    }
}

fn event(ms: i64, service: &'static str, name: &str, consumers: &[&'static str]) -> StepView {
    let state = state(ms, service, name);
    StepView {
        step: Step { kind: Kind::Event, ..state.step },
        committed_ms: Some(ms),
        published_ms: Some(ms + 10),
        consumed_ms: Some(ms + 20),
        consumers: consumers.to_vec(),
        ..state
    }
}

fn bought() -> Vec<StepView> {
    vec![
        state(0, "order", "PENDING_PAYMENT"),
        event(0, "order", "OrderCreated", &[]),
        event(14_000, "payment", "PaymentCompleted", &["order"]),
        state(14_030, "order", "PAID"),
        event(14_030, "order", "OrderPaid", &["assembly", "notification", "delivery"]),
        event(14_060, "delivery", "DeliveryStatusUpdated", &["order", "notification"]),
        event(19_000, "assembly", "ShipAssembled", &["order", "inventory", "notification", "delivery"]),
    ]
}

fn same_row(one: &Mark, other: &Mark) -> bool {
    one.y == other.y && one.number != other.number
}

#[test]
fn no_steps_are_the_empty_lanes_of_an_ordinary_order() {
    let drawing = Drawing::new(&[]);

    assert!(drawing.marks.is_empty() && drawing.arrows.is_empty() && drawing.pauses.is_empty());
    let unknown: Vec<_> = drawing.lanes.iter().filter(|lane| lane.role.is_empty()).map(|lane| &lane.service).collect();
    assert!(unknown.is_empty(), "add to SERVICES in words.rs what these do: {unknown:?}");
}

#[test]
fn no_mark_stands_on_the_label_of_another() {
    let busy: Vec<_> = (0..40).map(|ms| event(ms, "order", "OrderPaid", &["payment"])).collect();
    for steps in [bought(), busy] {
        let marks = Drawing::new(&steps).marks;
        for (place, mark) in marks.iter().enumerate() {
            for later in marks[place + 1..].iter().filter(|later| same_row(mark, later)) {
                assert!(later.x >= mark.end(), "{} stands on {}", later.number, mark.number);
            }
        }
    }
}

#[test]
fn an_event_has_an_arrow_to_each_service_that_reads_it() {
    let drawing = Drawing::new(&bought());

    assert_eq!(drawing.arrows.len(), 1 + 3 + 2 + 4);
}

#[test]
fn a_long_pause_is_cut_and_says_how_long_it_was() {
    let drawing = Drawing::new(&bought());

    let lengths: Vec<_> = drawing.pauses.iter().map(|pause| pause.length.to_string()).collect();
    assert_eq!(lengths, ["14.0 s", "4.9 s"].map(str::to_owned));
    for pause in &drawing.pauses {
        assert!(drawing.marks.iter().all(|mark| mark.end() <= pause.x || mark.x >= pause.x + pause.width));
    }
    assert_eq!(drawing.ticks.len(), 3, "a time at the start and after each pause");
}

#[test]
fn a_repeat_and_a_clock_that_went_back_are_drawn_all_the_same() {
    let mut repeat = event(20_000, "order", "OrderPaid", &["assembly"]);
    repeat.step.is_repeat = true;
    let early =
        StepView { published_ms: Some(-5), consumed_ms: Some(-3), ..event(7, "order", "OrderPaid", &["payment"]) };

    let drawing = Drawing::new(&[early, repeat]);

    assert!(drawing.arrows[1].is_repeat && drawing.marks[1].is_repeat);
    assert!(drawing.width > drawing.marks[1].x);
}
