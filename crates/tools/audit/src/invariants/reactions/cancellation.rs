//! What follows from a cancellation: what was done for the order is undone.

use super::{Effect, NONE, Reaction, deliveries, reservations};
use crate::{
    Cause::{Delivered, NotRefunded, PartsHeld, Reserved},
    facts::{
        DeliveryState::{Assigned, CancelledEarly, Completed, Created, Failed, Pending},
        OrderStatus::Cancelled,
        ReservationStatus::{Confirmed, Expired, Held, Released},
    },
};

pub fn order_cancelled(service: &str) -> Option<Reaction> {
    Some(match service {
        "inventory" => Reaction {
            effect: |facts| Effect::shared("a released reservation", reservations(facts, Released)),
            consequences: (&[3, 7], |cause| {
                matches!(cause, Reserved(Cancelled, None | Some(Held | Confirmed | Expired)) | PartsHeld)
            }),
        },
        "payment" => Reaction {
            effect: |facts| {
                let cancelled = facts.payments.iter().filter(|payment| payment.cancelled);
                Effect::shared("a cancelled payment", cancelled.map(|payment| (payment.order, payment.updated_at)))
            },
            consequences: (&[2], |cause| cause == NotRefunded),
        },
        "notification" => {
            Reaction { effect: |facts| Effect::notification(facts, "order_cancelled"), consequences: NONE }
        }
        "delivery" => Reaction {
            effect: |facts| Effect::shared("a failed delivery", deliveries(facts, &[CancelledEarly, Failed])),
            // No courier takes the ship, or one delivers it although the order is cancelled.
            consequences: (&[11], |cause| {
                matches!(cause, Delivered(Cancelled, Some(Pending | Created | Assigned | Completed)))
            }),
        },
        _ => return None,
    })
}
