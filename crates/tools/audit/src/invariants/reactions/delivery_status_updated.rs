//! `DeliveryStatusUpdated`: the ship is on its way, or has arrived.

use super::{Effect, NONE, Reaction};
use crate::Cause::DeliveryUnknown;

pub fn of(service: &str) -> Option<Reaction> {
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
