//! The effect of each event type on its consumer's rows.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use contracts::events::{
    AssemblyFailed, Consumer, DeliveryStatusUpdated, OrderCancelled, OrderCreated, OrderPaid, PaymentCompleted,
    Published as _, ShipAssembled,
};
use uuid::Uuid;

use crate::{
    Facts,
    facts::{DeliveryState, OrderStatus, Reservation, ReservationStatus},
    report::Check,
};

/// How much an effect's time may follow that of the inbox row, whose `received_at` is `now()`, the start of the
/// consumer's transaction.
const SLACK: Duration = Duration::from_secs(2);

/// The effect of an event type on its consumer's rows.
pub struct Effects {
    what: &'static str,
    /// The orders that show the effect, and the time since which they do.
    pub orders: HashMap<Uuid, DateTime<Utc>>,
    /// True if only this event can cause the effect.
    only_so: bool,
    /// True if the effect exists as soon as the event is handled, even if another event caused it first.
    at_once: bool,
}

impl Effects {
    /// Returns the effect; `None` if the facts do not contain it.
    pub fn of(facts: &Facts, consumer: &Consumer, kind: &str) -> Option<Self> {
        let orders = |status| {
            let like = facts.orders.iter().filter(move |order| order.status == status);
            like.map(|order| (order.uuid, order.updated_at)).collect()
        };
        let reservations = |statuses: &[ReservationStatus]| {
            let like = facts.reservations.iter().filter(|one| statuses.contains(&one.status));
            like.map(|one| (one.order, one.updated_at)).collect()
        };
        let told = |kind: &str| {
            let like = facts.notifications.iter().filter(|one| one.kind == kind);
            like.map(|one| (one.order, one.created_at)).collect()
        };
        let deliveries = |states: &[DeliveryState]| {
            let like = facts.deliveries.iter().filter(|one| one.user.is_some() || one.delivery.is_none());
            like.filter(|one| states.contains(&one.state)).map(|one| (one.order, one.updated_at)).collect()
        };
        let (what, orders, only_so) = match (consumer.service, kind) {
            ("order", ShipAssembled::TYPE) => ("an ASSEMBLED order", orders(OrderStatus::Assembled), true),
            ("order", DeliveryStatusUpdated::TYPE) => {
                let told = facts.orders.iter().filter(|order| order.delivery_status.is_some());
                ("a delivery status", told.map(|order| (order.uuid, order.updated_at)).collect(), true)
            }
            ("order", AssemblyFailed::TYPE) => ("a CANCELLED order", orders(OrderStatus::Cancelled), false),
            // Order's own call and its reconciler write the outcome too, so that the inbox row is the effect.
            ("order", PaymentCompleted::TYPE) => {
                ("an order", facts.orders.iter().map(|order| (order.uuid, order.created_at)).collect(), false)
            }
            ("inventory", OrderCreated::TYPE) => {
                // A reservation that ended before the event stays ended if its parts are sold.
                let since = |one: &Reservation| one.first_confirmed_at.into_iter().chain(one.first_ended_at).min();
                let settled = facts.reservations.iter().filter_map(|one| Some((one.order, since(one)?)));
                ("a reservation that lasts", settled.collect(), false)
            }
            ("inventory", OrderCancelled::TYPE) => {
                ("a released reservation", reservations(&[ReservationStatus::Released]), false)
            }
            ("inventory", ShipAssembled::TYPE) => {
                ("a committed reservation", reservations(&[ReservationStatus::Committed]), true)
            }
            ("payment", OrderCancelled::TYPE) => {
                let cancelled = facts.payments.iter().filter(|payment| payment.cancelled);
                ("a cancelled payment", cancelled.map(|payment| (payment.order, payment.updated_at)).collect(), false)
            }
            ("assembly", OrderPaid::TYPE) => {
                ("a job", facts.jobs.iter().map(|job| (job.order, job.started_at)).collect(), true)
            }
            ("notification", OrderPaid::TYPE) => ("a notification order_paid", told("order_paid"), true),
            ("notification", ShipAssembled::TYPE) => ("a notification ship_assembled", told("ship_assembled"), true),
            ("notification", OrderCancelled::TYPE) => ("a notification order_cancelled", told("order_cancelled"), true),
            ("notification", DeliveryStatusUpdated::TYPE) => {
                ("a notification ship_delivered", told("ship_delivered"), true)
            }
            ("delivery", OrderPaid::TYPE) => {
                let known = facts.deliveries.iter().filter(|one| one.user.is_some() && one.delivery.is_some());
                ("a delivery", known.map(|one| (one.order, one.created_at)).collect(), false)
            }
            ("delivery", ShipAssembled::TYPE) => {
                let since = [
                    DeliveryState::AssembledEarly,
                    DeliveryState::Created,
                    DeliveryState::Assigned,
                    DeliveryState::Completed,
                ];
                ("a delivery of a built ship", deliveries(&since), false)
            }
            ("delivery", OrderCancelled::TYPE) => {
                ("a failed delivery", deliveries(&[DeliveryState::CancelledEarly, DeliveryState::Failed]), false)
            }
            _ => return None,
        };
        let at_once = (consumer.service, kind) == ("inventory", OrderCreated::TYPE);
        Some(Self { what, orders, only_so, at_once })
    }

    pub fn compare(
        &self,
        facts: &Facts,
        consumer: &Consumer,
        kind: &str,
        taken: &HashMap<Uuid, DateTime<Utc>>,
        check: &mut Check,
    ) {
        let Consumer { service, group } = consumer;
        for (order, at) in taken {
            let missing = match self.orders.get(order) {
                None => format!("{service} has not {}", self.what),
                Some(since) if self.at_once && *since > *at + SLACK => {
                    format!("{service} has had {} since {since} only", self.what)
                }
                Some(_) => continue,
            };
            check.broken_by(format!("order {order}"), format!("{group} has handled its {kind} at {at}, but {missing}"));
        }
        for (order, at) in self.orders.iter().filter(|_| self.only_so) {
            if !taken.contains_key(order) && !facts.may_be_forgotten(*at) {
                check.broken_by(
                    format!("order {order}"),
                    format!("{service} has {}, but {group} has not handled its {kind}", self.what),
                );
            }
        }
    }
}
