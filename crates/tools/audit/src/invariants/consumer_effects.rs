//! Invariant 5: Each consumer's effects equal the distinct events it received, and it received all of them.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use contracts::events::{
    AssemblyFailed, Consumer, DeliveryStatusUpdated, OrderCancelled, OrderCreated, OrderPaid, PaymentCompleted,
    Published as _, ROUTES, ShipAssembled,
};
use uuid::Uuid;

use crate::{
    Facts, Finding,
    facts::{DeliveryState, JobStatus, OrderStatus, OutboxRow, Reservation, ReservationStatus, status_event},
    report::Check,
};

/// How much an effect's time may follow that of the inbox row, whose `received_at` is `now()`, the start of the
/// consumer's transaction.
const SLACK: Duration = Duration::from_secs(2);

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(5, "each consumer handled every event once, with its effects");
    let published = Published::of(facts);
    let (mut consumers, mut taken, mut effects, mut buried) = (0, 0, 0, 0);
    for route in &ROUTES {
        for consumer in route.consumers {
            let received = Received::of(facts, consumer, route.kind);
            let orders = published.compare(facts, consumer, route.kind, &received, &mut check);
            consumers += usize::from(!received.events.is_empty());
            taken += received.events.len();
            buried += received.buried.len();
            let Some(made) = Effects::of(facts, consumer, route.kind) else {
                check.note(format!(
                    "{}: its inbox was checked, and no effect, as this audit knows none",
                    consumer.group
                ));
                continue;
            };
            made.compare(facts, consumer, route.kind, &orders, &mut check);
            effects += orders.keys().filter(|order| made.orders.contains_key(order)).count();
        }
    }
    jobs(facts, &mut check);
    check.counted("consumers", consumers);
    check.counted("events taken", taken);
    check.counted("effects", effects);
    check.counted("dead-lettered events", buried);
    let strangers = facts.inboxes.iter().filter(|inbox| !known(inbox.service, &inbox.consumer)).count();
    if strangers > 0 {
        check.note(format!("{strangers} consumers in the inboxes are of no route: their rows were not checked"));
    }
    check.end()
}

fn known(service: &str, group: &str) -> bool {
    let mut all = ROUTES.iter().flat_map(|route| route.consumers);
    all.any(|consumer| consumer.service == service && consumer.group == group)
}

/// The events that one consumer has handled or dead-lettered.
struct Received {
    events: HashMap<Uuid, DateTime<Utc>>,
    /// The events that the consumer has dead-lettered.
    buried: HashSet<Uuid>,
    repeated: Vec<Uuid>,
}

impl Received {
    fn of(facts: &Facts, consumer: &Consumer, kind: &str) -> Self {
        let mut events = HashMap::new();
        let mut repeated = Vec::new();
        let own = |service, group: &str| service == consumer.service && group == consumer.group;
        for inbox in facts.inboxes.iter().filter(|inbox| own(inbox.service, &inbox.consumer)) {
            for row in &inbox.rows {
                if events.insert(row.event, row.at).is_some() {
                    repeated.push(row.event);
                }
            }
        }
        let topic = facts.log_of(kind).map(|log| log.topic.as_str());
        let letters =
            facts.letters().filter(|letter| letter.group == consumer.group && Some(letter.topic.as_str()) == topic);
        let buried = letters.filter_map(|letter| letter.event).filter(|event| !events.contains_key(event)).collect();
        Self { events, buried, repeated }
    }
}

/// The published events by type, each with its order.
struct Published<'a> {
    orders: HashMap<&'static str, HashMap<Uuid, Uuid>>,
    /// The outbox rows of the events.
    written: HashMap<Uuid, &'a OutboxRow>,
    /// The orders that have to be delivered, and whether each was ever paid.
    to_be_delivered: HashMap<Uuid, bool>,
}

impl<'a> Published<'a> {
    fn of(facts: &'a Facts) -> Self {
        let by_kind = ROUTES.iter().map(|route| {
            let rows = facts.outbox.iter().filter(|row| row.kind == route.kind && row.published_at.is_some());
            let records = facts.log_of(route.kind).into_iter().flat_map(|log| &log.records);
            let sent = records.filter_map(|record| Some((record.event?, record.key?)));
            (route.kind, sent.chain(rows.map(|row| (row.event, row.key))).collect())
        });
        let to_be_delivered = facts.to_be_delivered().map(|order| (order.uuid, order.transaction.is_some()));
        Self { orders: by_kind.collect(), written: facts.outbox_by_event(), to_be_delivered: to_be_delivered.collect() }
    }

    /// Returns false for an event that its consumer handles without an effect.
    fn is_cause(&self, consumer: &Consumer, kind: &str, event: Uuid, order: Uuid) -> bool {
        match (consumer.service, kind) {
            ("notification", DeliveryStatusUpdated::TYPE) => event == status_event(order, "DELIVERED"),
            ("delivery", OrderPaid::TYPE | ShipAssembled::TYPE) => self.to_be_delivered.contains_key(&order),
            ("delivery", OrderCancelled::TYPE) => self.to_be_delivered.get(&order) == Some(&true),
            _ => true,
        }
    }

    /// Compares the events that a consumer handled with those published. Returns the orders of handled events and when they were handled.
    fn compare(
        &self,
        facts: &Facts,
        consumer: &Consumer,
        kind: &str,
        received: &Received,
        check: &mut Check,
    ) -> HashMap<Uuid, DateTime<Utc>> {
        let published = &self.orders[kind];
        let mut orders = HashMap::new();
        for (event, order) in published {
            let ours = self.written.contains_key(event);
            let old = self.written.get(event).is_some_and(|row| facts.may_be_forgotten(row.created_at));
            if let Some(at) = received.events.get(event) {
                // The effect of an old event may have been removed before its inbox row.
                if !facts.may_be_forgotten(*at) && self.is_cause(consumer, kind, *event, *order) {
                    orders.insert(*order, *at);
                }
            } else if ours && !old && !received.buried.contains(event) {
                check.broken_by(format!("{kind} of order {order}"), format!("{} has not handled it", consumer.group));
            } else if ours && received.buried.contains(event) {
                check.broken_by(format!("{kind} of order {order}"), format!("{} has dead-lettered it", consumer.group));
            }
        }
        for (event, at) in &received.events {
            if !published.contains_key(event) && !facts.may_be_forgotten(*at) {
                check.broken_by(
                    format!("{kind} {event}"),
                    format!("{} has handled it, but it was never published", consumer.group),
                );
            }
        }
        for event in &received.repeated {
            check.broken_by(format!("{kind} {event}"), format!("{} has handled it more than once", consumer.group));
        }
        orders
    }
}

/// The effect of an event type on its consumer's rows.
struct Effects {
    what: &'static str,
    /// The orders that show the effect, and the time since which they do.
    orders: HashMap<Uuid, DateTime<Utc>>,
    /// True if only this event can cause the effect.
    only_so: bool,
    /// True if the effect exists as soon as the event is handled, even if another event caused it first.
    at_once: bool,
}

impl Effects {
    /// Returns the effect; `None` if the facts do not contain it.
    fn of(facts: &Facts, consumer: &Consumer, kind: &str) -> Option<Self> {
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

    fn compare(
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

/// Checks that every finished job has published its result.
fn jobs(facts: &Facts, check: &mut Check) {
    let told: HashMap<Uuid, &str> =
        facts.outbox.iter().filter(|row| row.service == "assembly").map(|row| (row.key, row.kind.as_ref())).collect();
    for job in facts.jobs.iter().filter(|job| !facts.may_be_forgotten(job.started_at)) {
        let kind = match job.status {
            JobStatus::Building => None,
            JobStatus::Assembled => Some(ShipAssembled::TYPE),
            JobStatus::Failed => Some(AssemblyFailed::TYPE),
        };
        if told.get(&job.order).copied() != kind {
            let (status, told) = (job.status.as_str(), told.get(&job.order).unwrap_or(&"nothing"));
            check.broken_by(format!("job of order {}", job.order), format!("is {status}, but has published {told}"));
        }
    }
}
