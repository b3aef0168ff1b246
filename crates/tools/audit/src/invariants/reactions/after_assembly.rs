//! What follows from the end of a build, and from the delivery's steps.

use super::{Effect, NONE, Reaction, deliveries, orders, reservations};
use crate::{
    Cause::{Delivered, DeliveryUnknown, NotBuilt, PartsHeld, Reserved},
    facts::{
        DeliveryState::{AssembledEarly, Assigned, Completed, Created, Pending},
        OrderStatus::{Assembled, Cancelled, Paid},
        ReservationStatus::{Committed, Confirmed, Expired, Held},
    },
};

pub fn ship_assembled(service: &str) -> Option<Reaction> {
    Some(match service {
        "order" => Reaction {
            effect: |facts| Effect::sole("an ASSEMBLED order", orders(facts, Assembled)),
            // The reservation's status no longer matches the order's.
            consequences: (&[3, 7], |cause| matches!(cause, Reserved(Paid, Some(Committed)) | NotBuilt)),
        },
        "inventory" => Reaction {
            effect: |facts| Effect::sole("a committed reservation", reservations(facts, Committed)),
            consequences: (&[3, 7], |cause| {
                matches!(cause, Reserved(Assembled, Some(Held | Confirmed | Expired)) | PartsHeld)
            }),
        },
        "notification" => {
            Reaction { effect: |facts| Effect::notification(facts, "ship_assembled"), consequences: NONE }
        }
        "delivery" => Reaction {
            effect: |facts| {
                let built = deliveries(facts, &[AssembledEarly, Created, Assigned, Completed]);
                Effect::shared("a delivery of a built ship", built)
            },
            // No courier takes the ship.
            consequences: (&[11], |cause| cause == Delivered(Assembled, Some(Pending))),
        },
        _ => return None,
    })
}

pub fn assembly_failed(service: &str) -> Option<Reaction> {
    Some(match service {
        "order" => Reaction {
            effect: |facts| Effect::shared("a CANCELLED order", orders(facts, Cancelled)),
            // The order stays PAID.
            consequences: (&[7], |cause| cause == NotBuilt),
        },
        _ => return None,
    })
}

pub fn delivery_status_updated(service: &str) -> Option<Reaction> {
    Some(match service {
        "order" => Reaction {
            effect: |facts| {
                let told = facts.orders.iter().filter(|order| order.delivery_status.is_some());
                Effect::sole("a delivery status", told.map(|order| (order.uuid, order.updated_at)))
            },
            consequences: (&[11], |cause| cause == DeliveryUnknown),
        },
        "notification" => {
            Reaction { effect: |facts| Effect::notification(facts, "ship_delivered"), consequences: NONE }
        }
        _ => return None,
    })
}
