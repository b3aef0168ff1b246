//! Arbitrary and faulty records of every topic that services read: each is read, or is poison with a reason.

use console::model::NewRecord;
use contracts::events::ROUTES;
use platform::{
    clock,
    kafka::{Failure, Message},
};
use uuid::Uuid;

use crate::{input::Input, message::message, words};

/// Values of the header `event-type` besides the known types: one that no consumer handles, and none.
const OTHER_TYPES: [&str; 2] = ["events.v1.Unheard", ""];
const BASKET: &str = "basket.events.BasketConfirmedIntegrationEvent";

/// Reads a record derived from `data` as each consumer of an event type, or of a topic of outside programs, does.
pub fn events(data: &[u8]) {
    let mut input = Input::new(data);
    match input.below(ROUTES.len() + 2) {
        0 => problem("orders", intake::consumers::order_problem(&order(&mut input)).as_deref()),
        1 => problem("basket.confirmed", delivery::consumers::basket_problem(&payload(BASKET, &mut input)).as_deref()),
        route => event(route - 2, &mut input),
    }
}

fn event(route: usize, input: &mut Input<'_>) {
    let route = &ROUTES[route];
    let mut message = Message::default();
    if input.once_in(4) {
        let kind = if input.once_in(2) { input.text() } else { known(input).to_owned() };
        message.headers.push_text("event-type", kind);
    }
    if input.once_in(4) {
        let (name, value) = (input.text(), input.text());
        message.headers.push_text(name, value);
    }
    message.key = words::uuid(input).into_bytes();
    message.payload = payload(route.kind, input);
    match route.read(&message) {
        Some(Err(Failure::Poison(reason))) => problem(route.kind, Some(&reason)),
        Some(Err(Failure::Transient(error))) => panic!("{} would be tried for ever: {error:#}", route.kind),
        Some(Ok(_)) => assert!(route.shown(&message.payload).is_some(), "{} is read and not shown", route.kind),
        None => {}
    }
    let has_order = str::from_utf8(&message.key).is_ok_and(|key| Uuid::try_parse(key).is_ok());
    assert_eq!(NewRecord::read(&message, clock::now()).is_some(), has_order, "{} in the timeline", route.kind);
}

/// Returns a message of this type, sometimes with changed bytes, or arbitrary bytes.
fn payload(kind: &str, input: &mut Input<'_>) -> Vec<u8> {
    if input.once_in(4) { input.rest().to_vec() } else { message(&format!(".{kind}"), input) }
}

/// Returns an order of the stream with changed bytes, or arbitrary bytes.
fn order(input: &mut Input<'_>) -> Vec<u8> {
    if input.once_in(2) {
        return input.rest().to_vec();
    }
    let order = intake::sample::order(u64::from(input.byte()), 1);
    let mut encoded = serde_json::to_vec(&order).expect("an order is JSON");
    input.mutate(&mut encoded);
    encoded
}

fn known(input: &mut Input<'_>) -> &'static str {
    let types: Vec<&str> = ROUTES.iter().map(|route| route.kind).chain(OTHER_TYPES).collect();
    input.pick::<&str>(&types)
}

/// Asserts that a dead letter says why, in as many words as an operator reads.
fn problem(of: &str, reason: Option<&str>) {
    let length = reason.map_or(1, str::len);
    assert!((1..=1024).contains(&length), "{of}: {reason:?}");
}
