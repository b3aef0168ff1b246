//! The reactions of consumers to events: the effect on their rows, and the violations that follow from an event that
//! they never handle.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contracts::events::{
    AssemblyFailed, DeliveryStatusUpdated, OrderCancelled, OrderPaid, PaymentCompleted, Published as _, ShipAssembled,
};
use uuid::Uuid;

use crate::{
    Cause::{self, Delivered, DeliveryUnknown, NotBuilt, NotRefunded, PartsHeld, Reserved},
    Facts,
    facts::{
        DeliveryState, Notification, OrderStatus,
        ReservationStatus::{self, Committed, Confirmed, Expired, Held, Released},
    },
};

/// The reaction of one consumer to events of one type.
pub struct Reaction {
    /// Returns the effect of events of a type.
    pub effect: fn(&Facts, &str) -> Effect,
    pub consequences: Consequences,
}

/// The effect of an event type on its consumer's rows.
pub struct Effect {
    /// A description of the effect, such as `a job`.
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
    let (effect, consequences): (fn(&Facts, &str) -> Effect, Consequences) = match (kind, service) {
        // Order's own call and its reconciler write the outcome, too, so the inbox row is the effect.
        (PaymentCompleted::TYPE, "order") => (
            |facts, _| Effect::shared("an order", facts.orders.iter().map(|order| (order.uuid, order.created_at))),
            NONE,
        ),

        (OrderPaid::TYPE, "assembly") => (
            |facts, _| Effect::sole("a job", facts.builds.iter().map(|build| (build.order, build.started_at))),
            // The order stays PAID.
            (&[7], |cause| cause == NotBuilt),
        ),
        (OrderPaid::TYPE, "delivery") => (
            |facts, _| {
                let known = facts.deliveries.iter().filter(|one| one.user.is_some() && one.delivery.is_some());
                Effect::shared("a delivery", known.map(|one| (one.order, one.created_at)))
            },
            // Delivery does not know the order, or knows only the other events.
            (&[11], |cause| {
                matches!(
                    cause,
                    Delivered(OrderStatus::Assembled, None | Some(DeliveryState::AssembledEarly))
                        | Delivered(OrderStatus::Cancelled, None | Some(DeliveryState::CancelledEarly))
                )
            }),
        ),

        (ShipAssembled::TYPE, "order") => (
            |facts, _| Effect::sole("an ASSEMBLED order", orders(facts, OrderStatus::Assembled)),
            // The reservation's status no longer matches the order's.
            (&[3, 7], |cause| matches!(cause, Reserved(OrderStatus::Paid, Some(Committed)) | NotBuilt)),
        ),
        (ShipAssembled::TYPE, "inventory") => (
            |facts, _| Effect::sole("a committed reservation", reservations(facts, Committed)),
            (&[3, 7], |cause| {
                matches!(cause, Reserved(OrderStatus::Assembled, Some(Held | Confirmed | Expired)) | PartsHeld)
            }),
        ),
        (ShipAssembled::TYPE, "delivery") => (
            |facts, _| {
                use DeliveryState::{AssembledEarly, Assigned, Completed, Created};
                Effect::shared(
                    "a delivery of a built ship",
                    deliveries(facts, &[AssembledEarly, Created, Assigned, Completed]),
                )
            },
            // No courier takes the ship.
            (&[11], |cause| cause == Delivered(OrderStatus::Assembled, Some(DeliveryState::Pending))),
        ),

        (AssemblyFailed::TYPE, "order") => (
            |facts, _| Effect::shared("a CANCELLED order", orders(facts, OrderStatus::Cancelled)),
            // The order stays PAID.
            (&[7], |cause| cause == NotBuilt),
        ),

        // What was done for a cancelled order is undone.
        (OrderCancelled::TYPE, "inventory") => (
            |facts, _| Effect::shared("a released reservation", reservations(facts, Released)),
            (&[3, 7], |cause| {
                matches!(cause, Reserved(OrderStatus::Cancelled, None | Some(Held | Confirmed | Expired)) | PartsHeld)
            }),
        ),
        (OrderCancelled::TYPE, "payment") => (
            |facts, _| {
                let cancelled = facts.payments.iter().filter(|payment| payment.cancelled);
                Effect::shared("a cancelled payment", cancelled.map(|payment| (payment.order, payment.updated_at)))
            },
            (&[2], |cause| cause == NotRefunded),
        ),
        (OrderCancelled::TYPE, "delivery") => (
            |facts, _| {
                let failed = deliveries(facts, &[DeliveryState::CancelledEarly, DeliveryState::Failed]);
                Effect::shared("a failed delivery", failed)
            },
            // No courier takes the ship, or one delivers it although the order is cancelled.
            (&[11], |cause| {
                use DeliveryState::{Assigned, Completed, Created, Pending};
                matches!(cause, Delivered(OrderStatus::Cancelled, Some(Pending | Created | Assigned | Completed)))
            }),
        ),

        (DeliveryStatusUpdated::TYPE, "order") => (
            |facts, _| {
                let told = facts.orders.iter().filter(|order| order.delivery_status.is_some());
                Effect::sole("a delivery status", told.map(|order| (order.uuid, order.updated_at)))
            },
            (&[11], |cause| cause == DeliveryUnknown),
        ),
        (DeliveryStatusUpdated::TYPE, "notification") => {
            (|facts, _| Effect::notification(facts, "ship_delivered"), NONE)
        }

        (_, "notification") => (|facts, kind| Effect::notification(facts, &Notification::kind_of(kind)), NONE),

        _ => return None,
    };
    Some(Reaction { effect, consequences })
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
