//! Arbitrary bytes as the value, key and headers of a Kafka record: each consumer handles it or rejects it permanently,
//! and never asks for a retry.

use contracts::events::{ROUTES, Subscription};
use platform::kafka::{Failure, Handler as _, Message};

use crate::{
    input::Input,
    system::{self, System},
};

/// Values of the header `event-type` besides the known types: one that no consumer handles, and none.
const OTHER_TYPES: [&str; 2] = ["events.v1.Unheard", ""];

/// Passes a record derived from `data` to one consumer.
pub fn events(data: &[u8]) {
    system::with(|system| {
        let mut input = Input::new(data);
        let subscription = input.pick(&system.services.subscriptions);
        let mut message = Message::default();
        if input.once_in(4) {
            let kind = if input.once_in(2) { input.text() } else { known(&mut input).to_owned() };
            message.headers.push_text("event-type", kind);
        }
        if input.once_in(4) {
            let (name, value) = (input.text(), input.text());
            message.headers.push_text(name, value);
        }
        message.payload = input.rest().to_vec();
        settle(system, subscription, &message);
    });
}

fn known(input: &mut Input<'_>) -> &'static str {
    let types: Vec<&str> = ROUTES.iter().map(|route| route.kind).chain(OTHER_TYPES).collect();
    input.pick::<&str>(&types)
}

/// Asserts that the record is handled or poison.
pub fn settle(system: &System, subscription: &Subscription, message: &Message) {
    let outcome = system.run(subscription.handle(message));
    if let Err(Failure::Poison(problem)) = &outcome {
        assert!(!problem.is_empty(), "{} gives no reason", subscription.group());
        assert!(problem.len() <= 1024, "{} says more than anyone reads: {problem}", subscription.group());
    }
    assert!(
        !matches!(outcome, Err(Failure::Transient(_))),
        "{} would try for ever: {:?} {:?}",
        subscription.group(),
        outcome,
        message.payload
    );
}
