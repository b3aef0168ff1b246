//! Valid events with a faulty producer's values, order and repetitions: each is handled, skipped or dead-lettered.

use contracts::events::{BASKET_CONFIRMED, ROUTES};
use platform::kafka::Message;

use crate::{
    events::settle,
    input::Input,
    message::message,
    system::{self, System},
};

const EVENTS: usize = 6;

/// Passes events derived from `data` to every consumer of their topics, sometimes twice.
pub fn consumers(data: &[u8]) {
    system::with(|system| {
        let mut input = Input::new(data);
        for _ in 0..EVENTS {
            if input.is_empty() {
                return;
            }
            one(system, &mut input);
        }
    });
}

fn one(system: &System, input: &mut Input<'_>) {
    let (groups, name): (Vec<&str>, &str) = match ROUTES.get(input.below(ROUTES.len() + 1)) {
        Some(route) => (route.consumers.iter().map(|consumer| consumer.group).collect(), route.kind),
        None => (vec![BASKET_CONFIRMED.consumer.group], "basket.events.BasketConfirmedIntegrationEvent"),
    };
    let payload = message(&format!(".{name}"), input, &system.services.known);
    let event = Message { payload, ..Message::default() };
    let times = if input.once_in(4) { 2 } else { 1 };
    for subscription in &system.services.subscriptions {
        for _ in 0..times {
            if groups.contains(&subscription.group()) {
                settle(system, subscription, &event);
            }
        }
    }
}
