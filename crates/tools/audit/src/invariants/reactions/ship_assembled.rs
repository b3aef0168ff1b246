//! `ShipAssembled`: the ship is built.

use super::{Effect, NONE, Reaction, deliveries, orders, reservations};
use crate::{
    Cause::{Delivered, NotBuilt, PartsHeld, Reserved},
    facts::{
        DeliveryState::{AssembledEarly, Assigned, Completed, Created, Pending},
        OrderStatus::{Assembled, Paid},
        ReservationStatus::{Committed, Confirmed, Expired, Held},
    },
};

pub fn of(service: &str) -> Option<Reaction> {
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
