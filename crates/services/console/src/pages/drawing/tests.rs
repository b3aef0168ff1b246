//! Tests of the drawing of a timeline.

use chrono::{DateTime, Duration, TimeZone, Utc};
use serde_json::Value;

use super::{Drawing, layout::Band};
use crate::{
    client::Incident,
    model::{Detail, Kind, Step},
};

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 26, 4, 0, 0).unwrap()
}

fn state(ms: i64, service: &'static str, name: &str) -> Step {
    Step {
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
        detail: None,
    }
}

/// Returns an event that the console read `read_ms` after its commit.
fn event_read_after(read_ms: i64, ms: i64, service: &'static str, name: &str) -> Step {
    let state = state(ms, service, name);
    let detail = Detail {
        committed_at: state.at,
        published_at: state.at + Duration::milliseconds(read_ms / 2),
        consumed_at: state.at + Duration::milliseconds(read_ms),
        payload: Value::Null,
        headers: Value::Null,
    };
    Step { kind: Kind::Event, detail: Some(detail), ..state }
}

fn event(ms: i64, service: &'static str, name: &str) -> Step {
    event_read_after(20, ms, service, name)
}

fn bought() -> Vec<Step> {
    vec![
        state(0, "order", "PENDING_PAYMENT"),
        event(0, "order", "OrderCreated"),
        event(14_000, "payment", "PaymentCompleted"),
        state(14_030, "order", "PAID"),
        event(14_030, "order", "OrderPaid"),
        event(14_060, "delivery", "DeliveryStatusUpdated"),
        event(19_000, "assembly", "ShipAssembled"),
    ]
}

#[test]
fn no_steps_are_the_empty_lanes_of_an_ordinary_order() {
    let drawing = Drawing::new(&[], &[]);

    assert!(drawing.marks.is_empty() && drawing.arrows.is_empty() && drawing.pauses.is_empty());
    let unknown: Vec<_> = drawing.lanes.iter().filter(|lane| lane.role.is_empty()).map(|lane| &lane.service).collect();
    assert!(unknown.is_empty(), "add to SERVICES in words.rs what these do: {unknown:?}");
}

#[test]
fn no_mark_stands_on_the_label_of_another() {
    let busy: Vec<_> = (0..40).map(|ms| event(ms, "order", "OrderPaid")).collect();
    for steps in [bought(), busy] {
        let marks = Drawing::new(&steps, &[]).marks;
        for (place, mark) in marks.iter().enumerate() {
            for later in marks[place + 1..].iter().filter(|later| later.y == mark.y) {
                assert!(later.x >= mark.end(), "{} stands on {}", later.number, mark.number);
            }
        }
    }
}

#[test]
fn an_event_has_an_arrow_to_each_service_that_reads_it() {
    let drawing = Drawing::new(&bought(), &[]);

    assert_eq!(drawing.arrows.len(), 1 + 3 + 2 + 4);
}

#[test]
fn a_long_pause_is_cut_and_says_how_long_it_was() {
    let drawing = Drawing::new(&bought(), &[]);

    let lengths: Vec<_> = drawing.pauses.iter().map(|pause| pause.length.to_string()).collect();
    assert_eq!(lengths, ["14.0 s", "4.9 s"].map(str::to_owned));
    for pause in &drawing.pauses {
        assert!(drawing.marks.iter().all(|mark| mark.end() <= pause.x || mark.x >= pause.x + pause.width));
    }
    assert_eq!(drawing.ticks.len(), 3, "a time at the start and after each pause");
}

#[test]
fn a_repeat_and_a_clock_that_went_back_are_drawn_all_the_same() {
    let repeat = Step { is_repeat: true, ..event(20_000, "payment", "PaymentCompleted") };
    let early = event_read_after(-10, 7, "payment", "PaymentCompleted");

    let drawing = Drawing::new(&[early, repeat], &[]);

    assert!(drawing.arrows[1].is_repeat && drawing.marks[1].is_repeat);
    assert!(drawing.width > drawing.marks[1].x);
}

#[test]
fn a_fault_is_a_band_over_what_happened_meanwhile_and_no_label_of_two_is_over_the_other() {
    let incident = |from: i64, to: Option<i64>, is_fault| Incident {
        text: "Kill payment".to_owned(),
        begun: start() + Duration::milliseconds(from),
        ended: to.map(|ms| start() + Duration::milliseconds(ms)),
        order: None,
        is_fault,
    };
    let before = incident(-9, Some(3), true);
    let fault = incident(13_990, Some(14_010), true);
    let retry = incident(14_011, Some(14_011), false);
    let lasting = incident(20_000, None, true);

    let drawing = Drawing::new(&bought(), &[before, fault, retry, lasting]);

    let [before, fault, retry, lasting] = &drawing.bands[..] else { panic!("{:?}", drawing.bands) };
    let ends = |band: &Band| band.x + band.width;
    let met: Vec<_> = drawing.marks.iter().filter(|mark| mark.x > fault.x && mark.x < ends(fault)).collect();
    assert_eq!(met.iter().map(|mark| mark.label.as_str()).collect::<Vec<_>>(), ["Payment completed"]);
    assert!(ends(before) < fault.x && fault.end() <= retry.x && retry.end() <= lasting.x && !retry.is_fault);
    assert_eq!(ends(lasting), drawing.width);
}
