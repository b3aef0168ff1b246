//! What follows from an attempt to pay, and from a payment.

use super::{Effect, NONE, Reaction};
use crate::{
    Cause::{Delivered, NotBuilt},
    facts::{
        DeliveryState::{AssembledEarly, CancelledEarly},
        OrderStatus::{Assembled, Cancelled},
    },
};

pub fn payment_completed(service: &str) -> Option<Reaction> {
    Some(match service {
        "order" => Reaction {
            // Order's own call and its reconciler write the outcome, too, so the inbox row is the effect.
            effect: |facts| Effect::shared("an order", facts.orders.iter().map(|order| (order.uuid, order.created_at))),
            consequences: NONE,
        },
        _ => return None,
    })
}

pub fn order_paid(service: &str) -> Option<Reaction> {
    Some(match service {
        "assembly" => Reaction {
            effect: |facts| Effect::sole("a job", facts.builds.iter().map(|build| (build.order, build.started_at))),
            // The order stays PAID.
            consequences: (&[7], |cause| cause == NotBuilt),
        },
        "notification" => Reaction { effect: |facts| Effect::notification(facts, "order_paid"), consequences: NONE },
        "delivery" => Reaction {
            effect: |facts| {
                let known = facts.deliveries.iter().filter(|one| one.user.is_some() && one.delivery.is_some());
                Effect::shared("a delivery", known.map(|one| (one.order, one.created_at)))
            },
            // Delivery does not know the order, or knows only the other events.
            consequences: (&[11], |cause| {
                matches!(
                    cause,
                    Delivered(Assembled, None | Some(AssembledEarly))
                        | Delivered(Cancelled, None | Some(CancelledEarly))
                )
            }),
        },
        _ => return None,
    })
}
