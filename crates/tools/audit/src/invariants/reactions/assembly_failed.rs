//! `AssemblyFailed`: the ship cannot be built.

use super::{Effect, Reaction, orders};
use crate::{Cause::NotBuilt, facts::OrderStatus};

pub fn of(service: &str) -> Option<Reaction> {
    Some(match service {
        "order" => Reaction {
            effect: |facts| Effect::shared("a CANCELLED order", orders(facts, OrderStatus::Cancelled)),
            // The order stays PAID.
            consequences: (&[7], |cause| cause == NotBuilt),
        },
        _ => return None,
    })
}
