//! What the consumers of each event do about it: the effect on their rows, and the violations that follow from an event
//! that they never handle.

mod after_assembly;
mod before_assembly;
mod cancellation;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contracts::events::{
    AssemblyFailed, DeliveryStatusUpdated, OrderCancelled, OrderPaid, PaymentCompleted, Published as _, ShipAssembled,
};
use uuid::Uuid;

use crate::{
    Cause, Facts,
    facts::{DeliveryState, OrderStatus, ReservationStatus},
};

/// What one consumer does about events of one type.
pub struct Reaction {
    pub effect: fn(&Facts) -> Effect,
    pub consequences: Consequences,
}

/// The effect of an event type on its consumer's rows.
pub struct Effect {
    /// In words, such as `a job`.
    pub what: String,
    /// The orders that show the effect, and since when.
    pub orders: HashMap<Uuid, DateTime<Utc>>,
    /// True if only this event can cause the effect.
    pub only_so: bool,
}

/// The numbers of the invariants that are violated if a service never handles an event, and the causes of these
/// violations. Those of invariant 5, which always exist, are left out.
pub type Consequences = (&'static [u8], fn(Cause) -> bool);

const NONE: Consequences = (&[], |_| false);

/// Returns what a service does about an event; `None` if the audit knows nothing of it.
pub fn of(service: &str, kind: &str) -> Option<Reaction> {
    match kind {
        PaymentCompleted::TYPE => before_assembly::payment_completed(service),
        OrderPaid::TYPE => before_assembly::order_paid(service),
        ShipAssembled::TYPE => after_assembly::ship_assembled(service),
        AssemblyFailed::TYPE => after_assembly::assembly_failed(service),
        OrderCancelled::TYPE => cancellation::order_cancelled(service),
        DeliveryStatusUpdated::TYPE => after_assembly::delivery_status_updated(service),
        _ => None,
    }
}

pub fn consequences(service: &str, kind: &str) -> Consequences {
    of(service, kind).map_or(NONE, |reaction| reaction.consequences)
}

impl Effect {
    /// An effect that other events or the service itself can cause, too.
    fn shared(what: &str, orders: impl Iterator<Item = (Uuid, DateTime<Utc>)>) -> Self {
        Self { what: what.to_owned(), orders: orders.collect(), only_so: false }
    }

    /// An effect that only this event can cause.
    fn sole(what: &str, orders: impl Iterator<Item = (Uuid, DateTime<Utc>)>) -> Self {
        Self { only_so: true, ..Self::shared(what, orders) }
    }

    /// The message of this kind to the order's user.
    fn notification(facts: &Facts, kind: &str) -> Self {
        let told = facts.notifications.iter().filter(|one| one.kind == kind);
        Self::sole(&format!("a notification {kind}"), told.map(|one| (one.order, one.created_at)))
    }
}

fn orders(facts: &Facts, status: OrderStatus) -> impl Iterator<Item = (Uuid, DateTime<Utc>)> {
    let like = facts.orders.iter().filter(move |order| order.status == status);
    like.map(|order| (order.uuid, order.updated_at))
}

fn reservations(facts: &Facts, status: ReservationStatus) -> impl Iterator<Item = (Uuid, DateTime<Utc>)> {
    let like = facts.reservations.iter().filter(move |one| one.status == status);
    like.map(|one| (one.order, one.updated_at))
}

fn deliveries(facts: &Facts, states: &'static [DeliveryState]) -> impl Iterator<Item = (Uuid, DateTime<Utc>)> {
    let like = facts.deliveries.iter().filter(|one| one.user.is_some() || one.delivery.is_none());
    like.filter(move |one| states.contains(&one.state)).map(|one| (one.order, one.updated_at))
}
