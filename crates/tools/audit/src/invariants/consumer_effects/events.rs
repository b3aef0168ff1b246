//! Published events, and the events that each consumer received.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use contracts::events::{
    Consumer, DeliveryStatusUpdated, OrderCancelled, OrderPaid, Published as _, ROUTES, ShipAssembled,
};
use uuid::Uuid;

use crate::{
    Facts,
    facts::{OutboxRow, status_event},
    report::Check,
    violation::{Cause, Row},
};

/// The events that one consumer has handled or dead-lettered.
pub struct Received {
    pub events: HashMap<Uuid, DateTime<Utc>>,
    pub buried: HashSet<Uuid>,
    repeated: Vec<Uuid>,
}

impl Received {
    pub fn from_facts(facts: &Facts, consumer: &Consumer, kind: &str) -> Self {
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
pub struct Published<'a> {
    orders: HashMap<&'static str, HashMap<Uuid, Uuid>>,
    written: HashMap<Uuid, &'a OutboxRow>,
    /// The orders that have to be delivered, and whether each was ever paid.
    to_be_delivered: HashMap<Uuid, bool>,
}

impl<'a> Published<'a> {
    pub fn from_facts(facts: &'a Facts) -> Self {
        let by_kind = ROUTES.iter().map(|route| {
            let rows = facts.outbox.iter().filter(|row| row.kind == route.kind && row.published_at.is_some());
            let records = facts.log_of(route.kind).into_iter().flat_map(|log| &log.records);
            let sent = records.filter_map(|record| Some((record.event?, record.key?)));
            (route.kind, sent.chain(rows.map(|row| (row.event, row.key))).collect())
        });
        let to_be_delivered = facts.to_be_delivered().map(|order| (order.uuid, order.transaction.is_some()));
        Self { orders: by_kind.collect(), written: facts.outbox_by_event(), to_be_delivered: to_be_delivered.collect() }
    }

    /// Returns false for an event that its consumer handles without effect.
    fn is_cause(&self, consumer: &Consumer, kind: &str, event: Uuid, order: Uuid) -> bool {
        match (consumer.service, kind) {
            ("notification", DeliveryStatusUpdated::TYPE) => event == status_event(order, "DELIVERED"),
            ("delivery", OrderPaid::TYPE | ShipAssembled::TYPE) => self.to_be_delivered.contains_key(&order),
            ("delivery", OrderCancelled::TYPE) => self.to_be_delivered.get(&order) == Some(&true),
            _ => true,
        }
    }

    /// Returns the published events that a consumer has neither handled nor dead-lettered, each with its order.
    pub fn missing(&self, facts: &Facts, kind: &str, received: &Received) -> Vec<(Uuid, Uuid)> {
        let published = self.orders[kind].iter().filter(|(event, _)| self.is_missing(facts, received, **event));
        published.map(|(event, order)| (*event, *order)).collect()
    }

    fn is_missing(&self, facts: &Facts, received: &Received, event: Uuid) -> bool {
        let row = self.written.get(&event);
        let is_kept = row.is_some_and(|row| !facts.may_be_forgotten(row.created_at));
        is_kept && !received.events.contains_key(&event) && !received.buried.contains(&event)
    }

    /// Compares the events that a consumer handled with the published ones. Returns the orders of handled events, and
    /// when the consumer handled them.
    pub fn compare(
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
            if let Some(at) = received.events.get(event) {
                // The effect of an old event may have been removed before the event's inbox row.
                if !facts.may_be_forgotten(*at) && self.is_cause(consumer, kind, *event, *order) {
                    orders.insert(*order, *at);
                }
                continue;
            }
            let problem = if self.is_missing(facts, received, *event) {
                "has not handled it"
            } else if ours && received.buried.contains(event) {
                "has dead-lettered it"
            } else {
                continue;
            };
            let cause = Cause::Event { event: *event, group: Some(consumer.group) };
            let row = Row::of_order(kind, *order).because(cause);
            check.broken_by(row, format!("{} {problem} (event {event})", consumer.group));
        }
        for (event, at) in &received.events {
            if !published.contains_key(event) && !facts.may_be_forgotten(*at) {
                let row = Row::from(format_args!("{kind} {event}"));
                check.broken_by(
                    row.because(Cause::Event { event: *event, group: None }),
                    format!("{} has handled it, but it was never published", consumer.group),
                );
            }
        }
        for event in &received.repeated {
            let row = Row::about(published.get(event).copied(), format_args!("{kind} {event}"))
                .because(Cause::Event { event: *event, group: None });
            check.broken_by(row, format!("{} has handled it more than once", consumer.group));
        }
        orders
    }
}
