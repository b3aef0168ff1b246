//! `PaymentCompleted`: an attempt to pay has ended.

use super::{Effect, NONE, Reaction};

pub fn of(service: &str) -> Option<Reaction> {
    Some(match service {
        "order" => Reaction {
            // Order's own call and its reconciler write the outcome, too, so the inbox row is the effect.
            effect: |facts| Effect::shared("an order", facts.orders.iter().map(|order| (order.uuid, order.created_at))),
            consequences: NONE,
        },
        _ => return None,
    })
}
