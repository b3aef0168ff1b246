//! The effect of each event type on its consumer's rows.

use std::{borrow::Cow, collections::HashMap};

use chrono::{DateTime, Utc};
use contracts::events::{
    AssemblyFailed, Consumer, DeliveryStatusUpdated, OrderCancelled, OrderPaid, PaymentCompleted, Published as _,
    ShipAssembled,
};
use heck::ToSnakeCase as _;
use uuid::Uuid;

use crate::{
    Facts,
    facts::{DeliveryState, OrderStatus, ReservationStatus},
    report::Check,
    violation::{Cause, Row},
};

/// The effect of an event type on its consumer's rows.
pub struct Effects {
    what: Cow<'static, str>,
    /// The orders that show the effect, and since when.
    pub orders: HashMap<Uuid, DateTime<Utc>>,
    /// True if only this event can cause the effect.
    only_so: bool,
}

impl Effects {
    /// Returns the effect; `None` if the facts do not contain it.
    pub fn from_facts(facts: &Facts, consumer: &Consumer, kind: &str) -> Option<Self> {
        let orders = |status| {
            let like = facts.orders.iter().filter(move |order| order.status == status);
            like.map(|order| (order.uuid, order.updated_at)).collect()
        };
        let reservations = |statuses: &[ReservationStatus]| {
            let like = facts.reservations.iter().filter(|one| statuses.contains(&one.status));
            like.map(|one| (one.order, one.updated_at)).collect()
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
            // Order's own call and its reconciler write the outcome, too, so the inbox row is the effect.
            ("order", PaymentCompleted::TYPE) => {
                ("an order", facts.orders.iter().map(|order| (order.uuid, order.created_at)).collect(), false)
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
                ("a job", facts.builds.iter().map(|build| (build.order, build.started_at)).collect(), true)
            }
            ("notification", _) => return Some(Self::notification(facts, kind)),
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
        Some(Self { what: what.into(), orders, only_so })
    }

    /// Returns the notification about the event as its effect. The notification's kind is the event's name.
    fn notification(facts: &Facts, kind: &str) -> Self {
        let name = match kind {
            DeliveryStatusUpdated::TYPE => "ship_delivered".to_owned(),
            _ => kind.rsplit('.').next().unwrap_or_default().to_snake_case(),
        };
        let told = facts.notifications.iter().filter(|one| one.kind == name);
        let orders = told.map(|one| (one.order, one.created_at)).collect();
        Self { what: format!("a notification {name}").into(), orders, only_so: true }
    }

    pub fn compare(
        &self,
        facts: &Facts,
        consumer: &Consumer,
        kind: &'static str,
        taken: &HashMap<Uuid, DateTime<Utc>>,
        check: &mut Check,
    ) {
        let Consumer { service, group } = consumer;
        let row = |order: &Uuid| Row::order(*order).because(Cause::Effects(kind));
        for (order, at) in taken {
            if !self.orders.contains_key(order) {
                check.broken_by(
                    row(order),
                    format!("{group} has handled its {kind} at {at}, but {service} has not {}", self.what),
                );
            }
        }
        for (order, at) in self.orders.iter().filter(|_| self.only_so) {
            if !taken.contains_key(order) && !facts.may_be_forgotten(*at) {
                check.broken_by(
                    row(order),
                    format!("{service} has {}, but {group} has not handled its {kind}", self.what),
                );
            }
        }
    }
}
