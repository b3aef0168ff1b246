//! Invariant 1: Every acknowledged order exists exactly once. No service has rows of an order that does not exist.

use std::collections::{HashMap, HashSet};

use contracts::events::{OrderCreated, Published as _};
use uuid::Uuid;

use crate::{
    Facts, Finding,
    facts::{Acknowledged, Answer, BuildStatus, Order, OrderStatus, PaymentStatus, ReservationStatus},
    report::Check,
    violation::Row,
};

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(1, "every acknowledged order exists exactly once");
    let orders = facts.orders_by_uuid();
    once(facts, &mut check);
    acknowledged(facts, &orders, &mut check);
    created(facts, &orders, &mut check);
    elsewhere(facts, &orders, &mut check);
    check.end()
}

fn once(facts: &Facts, check: &mut Check) {
    let mut seen = HashSet::new();
    for order in facts.orders.iter().filter(|order| !seen.insert(order.uuid)) {
        check.broken_by(Row::order(order.uuid), "exists more than once");
    }
    check.counted("orders", facts.orders.len());
}

/// Checks that every response to a client matches the order's state.
fn acknowledged(facts: &Facts, orders: &HashMap<Uuid, &Order>, check: &mut Check) {
    let failed: HashSet<Uuid> =
        facts.builds.iter().filter(|build| build.status == BuildStatus::Failed).map(|build| build.order).collect();
    for Acknowledged { order: uuid, answer } in &facts.acknowledged {
        let row = Row::order(*uuid);
        let Some(order) = orders.get(uuid) else {
            check.broken_by(row, format!("acknowledged as {}, and does not exist", told(answer)));
            continue;
        };
        let as_told = match (answer, order.status) {
            (Answer::Created, _) | (Answer::Cancelled, OrderStatus::Cancelled) => true,
            (Answer::Paid { transaction }, OrderStatus::Paid | OrderStatus::Assembled) => {
                order.transaction == Some(*transaction)
            }
            (Answer::Paid { .. }, OrderStatus::Cancelled) => failed.contains(uuid),
            _ => false,
        };
        if !as_told {
            let (told, status) = (told(answer), order.status.as_str());
            let by = order.transaction.map(|transaction| format!(" by {transaction}")).unwrap_or_default();
            check.broken_by(row, format!("acknowledged as {told}, and is {status}{by}"));
        }
    }
    check.counted("acknowledgements", facts.acknowledged.len());
    if facts.acknowledged.is_empty() {
        check.note("the responses to clients are unknown; the orders of all other rows are checked".to_owned());
    }
}

fn told(answer: &Answer) -> String {
    match answer {
        Answer::Created => "created".to_owned(),
        Answer::Paid { transaction } => format!("paid by {transaction}"),
        Answer::Cancelled => "cancelled".to_owned(),
    }
}

/// Checks that every order has its creation event, and the other way round: both are written in one transaction.
fn created(facts: &Facts, orders: &HashMap<Uuid, &Order>, check: &mut Check) {
    let told: HashSet<Uuid> =
        facts.outbox.iter().filter(|row| row.kind == OrderCreated::TYPE).map(|row| row.key).collect();
    for uuid in told.iter().filter(|uuid| !orders.contains_key(uuid)) {
        check.broken_by(Row::order(*uuid), "its creation is in the outbox, and it does not exist");
    }
    for order in facts.orders.iter().filter(|order| !told.contains(&order.uuid)) {
        if !facts.may_be_forgotten(order.created_at) {
            check.broken_by(Row::order(order.uuid), "its creation is not in the outbox");
        }
    }
    check.counted("creations told of", told.len());
}

/// Checks that no other service has rows of an order that does not exist.
fn elsewhere(facts: &Facts, orders: &HashMap<Uuid, &Order>, check: &mut Check) {
    let payments = facts.payments.iter().filter(|payment| payment.status != PaymentStatus::Void);
    let standing = |status| matches!(status, ReservationStatus::Confirmed | ReservationStatus::Committed);
    let reservations = facts.reservations.iter().filter(|reservation| standing(reservation.status));
    // Baskets and trial orders, which have no user, are deliveries without an order of the shop.
    let deliveries = facts.deliveries.iter().filter(|delivery| delivery.user.is_some());
    let named: Vec<(&str, Uuid)> = payments
        .map(|payment| ("a payment", payment.order))
        .chain(facts.ledger.iter().map(|entry| ("a ledger entry", entry.order)))
        .chain(reservations.map(|reservation| ("a reservation", reservation.order)))
        .chain(facts.builds.iter().map(|build| ("a build", build.order)))
        .chain(facts.notifications.iter().map(|notification| ("a notification", notification.order)))
        .chain(deliveries.map(|delivery| ("a delivery", delivery.order)))
        .collect();
    for (row, uuid) in named.iter().filter(|(_, uuid)| !orders.contains_key(uuid)) {
        check.broken_by(Row::order(*uuid), format!("does not exist, but has {row}"));
    }
    check.counted("rows of other services", named.len());
}
