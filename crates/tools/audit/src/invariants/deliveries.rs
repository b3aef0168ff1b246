//! Invariant 11: Each assembled order with an address is delivered once.
//!
//! A courier carries one order, which is assigned to it. Each status of a delivery is published once, and in order. The
//! events of baskets and trial orders are not compared: outside programs choose the uuids of their baskets.

use std::collections::{HashMap, HashSet};

use contracts::events::{
    DeliveryStatusUpdated, OrderCompletedIntegrationEvent, OrderCreatedIntegrationEvent, Published as _, record,
};
use uuid::Uuid;

use crate::{
    Facts, Finding,
    facts::{Courier, Delivery, DeliveryState, Order, OrderStatus, OutboxRow, Record, status_event},
    report::Check,
    violation::{Cause, Row},
};

type Deliveries<'a> = HashMap<Uuid, &'a Delivery>;

/// The services whose databases the check of one order needs.
pub const DATABASES: &[&str] = &["order", "delivery"];

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(11, "each ship with an address is delivered once, by one courier");
    let mut deliveries = Deliveries::new();
    for delivery in &facts.deliveries {
        if deliveries.insert(delivery.order, delivery).is_some() {
            check.broken_by(Row::of_order("delivery", delivery.order), "exists more than once");
        }
    }
    let inboxes = facts.inboxes.iter().filter(|inbox| inbox.service == "order");
    let handled: HashSet<Uuid> = inboxes.flat_map(|inbox| &inbox.rows).map(|received| received.event).collect();
    for order in &facts.orders {
        delivered(order, deliveries.get(&order.uuid).copied(), &handled, &mut check);
    }
    couriers(facts, &deliveries, &mut check);
    published(facts, &deliveries, &mut check);
    check.counted("orders", facts.orders.len());
    check.counted("orders with an address", facts.to_be_delivered().count());
    check.counted("deliveries", facts.deliveries.len());
    check.counted("couriers", facts.couriers.len());
    check.end()
}

/// Checks that an order's delivery matches the order's status. `handled` has the ids of the events that order has
/// handled.
fn delivered(order: &Order, delivery: Option<&Delivery>, handled: &HashSet<Uuid>, check: &mut Check) {
    let row = || Row::order(order.uuid);
    let known = delivery.filter(|delivery| delivery.delivery.is_some());
    if !order.has_address {
        if known.is_some() {
            check.broken_by(row(), "has no address, and delivery has it");
        }
        return;
    }
    let fits = match order.status {
        OrderStatus::Pending => known.is_none(),
        // The delivery service may already know that the ship is built: delivery and order consume the same topic
        // independently.
        OrderStatus::Paid => known.is_none_or(|delivery| delivery.state != DeliveryState::Failed),
        OrderStatus::Assembled => known.is_some_and(Delivery::is_created),
        OrderStatus::Cancelled if order.transaction.is_none() => known.is_none(),
        OrderStatus::Cancelled => known.is_some_and(|delivery| delivery.state == DeliveryState::Failed),
    };
    if !fits {
        let state = delivery.map(|delivery| delivery.state);
        let (status, its) = (order.status.as_str(), state.map_or("not there", DeliveryState::as_str));
        let row = row().because(Cause::Delivered(order.status, state));
        check.broken_by(row, format!("is {status}, and its delivery is {its}"));
    }
    // If order does not know the status yet, it has not handled the event, which invariant 5 reports.
    let Some(status) = known.and_then(|delivery| delivery.statuses().last()) else { return };
    if handled.contains(&status_event(order.uuid, status)) && order.delivery_status.as_deref() != Some(status) {
        let problem = format!("was told that its delivery is {status}, and has {:?}", order.delivery_status);
        check.broken_by(row().because(Cause::DeliveryUnknown), problem);
    }
}

/// Checks that `couriers.order_uuid`, `storage_places.order_uuid` and `orders.courier_uuid` agree.
fn couriers(facts: &Facts, deliveries: &Deliveries<'_>, check: &mut Check) {
    let mut carried: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for place in &facts.places {
        carried.entry(place.courier).or_default().extend(place.order);
    }
    let mut holders: HashMap<Uuid, usize> = HashMap::new();
    for Courier { uuid, order } in &facts.couriers {
        let row = |order: Option<Uuid>| Row::about(order, format_args!("courier {uuid}"));
        let held = carried.remove(uuid).unwrap_or_default();
        if held.len() > 1 {
            check.broken_by(row(None), format!("holds {} orders in its places", held.len()));
        }
        if held.first() != order.as_ref() {
            check.broken_by(
                row(held.first().copied().or(*order)),
                format!("carries {}, and its places hold {}", named(*order), named(held.first().copied())),
            );
        }
        for order in order.iter().chain(&held).collect::<HashSet<_>>() {
            *holders.entry(*order).or_default() += 1;
            let its_own = deliveries
                .get(order)
                .is_some_and(|delivery| delivery.state == DeliveryState::Assigned && delivery.courier == Some(*uuid));
            if !its_own {
                check.broken_by(row(Some(*order)), format!("holds order {order}, which is not assigned to it"));
            }
        }
    }
    for (courier, held) in carried.iter().filter(|(_, held)| !held.is_empty()) {
        let row = Row::about(held.first().copied(), format_args!("courier {courier}"));
        check.broken_by(row, format!("does not exist, and its places hold {held:?}"));
    }
    for delivery in facts.deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Assigned) {
        let row = Row::of_order("delivery", delivery.order);
        match holders.get(&delivery.order).copied().unwrap_or_default() {
            0 => check.broken_by(row, format!("is assigned to {}, which does not hold it", named(delivery.courier))),
            1 => {}
            more => check.broken_by(row, format!("is held by {more} couriers")),
        }
    }
}

fn named(uuid: Option<Uuid>) -> String {
    uuid.map_or_else(|| "nothing".to_owned(), |uuid| uuid.to_string())
}

/// Checks that the events of the delivery service are the statuses and states that its deliveries have had, in order.
fn published(facts: &Facts, deliveries: &Deliveries<'_>, check: &mut Check) {
    let mut written: HashMap<Uuid, Vec<&OutboxRow>> = HashMap::new();
    for row in facts.outbox.iter().filter(|row| row.service == "delivery") {
        written.entry(row.key).or_default().push(row);
    }
    let topic = Topic::from_facts(facts);
    let mut count = 0;
    for delivery in facts.deliveries.iter().filter(|delivery| !facts.may_be_forgotten(delivery.created_at)) {
        let rows = written.get(&delivery.order).map(Vec::as_slice).unwrap_or_default();
        let row = || Row::of_order("delivery", delivery.order);
        let published: Vec<Uuid> =
            rows.iter().filter(|row| row.kind == DeliveryStatusUpdated::TYPE).map(|row| row.event).collect();
        let statuses = if delivery.user.is_some() { delivery.statuses() } else { &[] };
        let had: Vec<Uuid> = statuses.iter().map(|status| status_event(delivery.order, status)).collect();
        if published != had {
            check.broken_by(
                row(),
                format!("had the statuses {statuses:?}, and has published {}", shown(delivery, &published)),
            );
        } else if let Some(sent) = topic.reordered(delivery.order, &had) {
            check.broken_by(
                row(),
                format!("had the statuses {statuses:?}, and its topic has {}", shown(delivery, &sent)),
            );
        }
        count += published.len();
        if delivery.user.is_none() {
            continue;
        }
        for (event, reached) in [
            (record(delivery.order, OrderCreatedIntegrationEvent::default()), delivery.is_created()),
            (
                record(delivery.order, OrderCompletedIntegrationEvent::default()),
                delivery.state == DeliveryState::Completed,
            ),
        ] {
            let published = rows.iter().filter(|row| row.event == event.uuid).count();
            if published != usize::from(reached) {
                let (state, kind) = (delivery.state.as_str(), event.kind);
                check.broken_by(row(), format!("is {state}, and has published {published} {kind}"));
            }
        }
    }
    for (key, rows) in written.iter().filter(|(key, _)| !deliveries.contains_key(key)) {
        if rows.iter().any(|row| row.kind == DeliveryStatusUpdated::TYPE) {
            check.broken_by(Row::of_order("delivery", *key), "does not exist, and has published events");
        }
    }
    check.counted("statuses published", count);
}

/// The status records of the topic, by order. The records of one order are in the order of publication, since they
/// share a key.
struct Topic<'a> {
    records: HashMap<Uuid, Vec<&'a Record>>,
}

impl<'a> Topic<'a> {
    fn from_facts(facts: &'a Facts) -> Self {
        let mut records: HashMap<Uuid, Vec<&Record>> = HashMap::new();
        for record in facts.log_of(DeliveryStatusUpdated::TYPE).into_iter().flat_map(|log| &log.records) {
            if let Some(key) = record.key {
                records.entry(key).or_default().push(record);
            }
        }
        Self { records }
    }

    /// Returns the order's published statuses, each at its first record, if their sequence differs from the delivery's.
    /// The topic may lack the oldest records, and statuses that are not published yet.
    fn reordered(&self, order: Uuid, had: &[Uuid]) -> Option<Vec<Uuid>> {
        let records = self.records.get(&order)?;
        let mut seen = HashSet::new();
        let events = records.iter().filter_map(|record| record.event);
        let sent: Vec<Uuid> = events.filter(|event| had.contains(event) && seen.insert(*event)).collect();
        let expected: Vec<Uuid> = had.iter().copied().filter(|event| sent.contains(event)).collect();
        (sent != expected).then_some(sent)
    }
}

/// Formats events as the statuses that they report.
fn shown(delivery: &Delivery, events: &[Uuid]) -> String {
    let name = |event: &Uuid| {
        let status = contracts::events::DELIVERY_STATUSES;
        let known = status.into_iter().find(|status| status_event(delivery.order, status) == *event);
        known.map_or_else(|| event.to_string(), str::to_owned)
    };
    format!("{:?}", events.iter().map(name).collect::<Vec<_>>())
}
