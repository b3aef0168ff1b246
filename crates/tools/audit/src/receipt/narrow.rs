//! The facts of one order, and which invariants concern an order.
//!
//! | invariant | in a receipt |
//! |---|---|
//! | 1 orders, 4 publication, 5 consumers, 6 notifications, 10 attempts | yes |
//! | 2 money | without the balances, which sum over all orders of a user |
//! | 3 stock | without the sums of the parts, which are over all orders |
//! | 7 bounds | without the question whether another courier was free |
//! | 8 dead letters | if the dead letters were read |
//! | 11 deliveries | with the courier that has this order |
//! | 9 sessions, 12 customers, 13 intake, 14 actions | no: they concern no order |

use std::collections::{BTreeSet, HashSet};

use contracts::events::{BASKET_PART, ROUTES};
use uuid::Uuid;

use crate::{
    Cause, Facts, Violation,
    facts::{Courier, DeadLetters, Inbox, Log, StoragePlace, events_of},
    invariants::{charges, completions, deliveries, notifications, stock},
};

/// Returns the numbers of the invariants in a receipt, each with the services whose databases it needs.
pub fn checks() -> [(u8, Vec<&'static str>); 10] {
    let of_orders = || ROUTES.iter().filter(|route| route.is_of_order());
    let producers = distinct(of_orders().map(|route| route.producer));
    let consumers = distinct(of_orders().flat_map(|route| route.consumers).map(|consumer| consumer.service));
    let all = distinct(producers.iter().chain(&consumers).copied());
    [
        (1, all.clone()),
        (2, charges::DATABASES.to_vec()),
        (3, stock::DATABASES.to_vec()),
        (4, producers),
        (5, consumers.clone()),
        (6, notifications::DATABASES.to_vec()),
        (7, all),
        (8, consumers),
        (10, completions::DATABASES.to_vec()),
        (11, deliveries::DATABASES.to_vec()),
    ]
}

fn distinct(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns the facts of this order. Sums over several orders are left out.
pub fn narrowed(facts: &Facts, order: Uuid) -> Facts {
    let events = events(facts, order);
    let is_own = |event: &Option<Uuid>| event.is_some_and(|event| events.contains(&event));
    let couriers = facts.couriers.iter().filter(|courier| holds(facts, courier, order));
    Facts {
        at: facts.at,
        bounds: facts.bounds,
        kept_since: facts.kept_since,
        unread: facts.unread.clone(),
        positions: facts.positions.clone(),
        orders: like(&facts.orders, |one| one.uuid == order),
        partial_refunds: like(&facts.partial_refunds, |refund| {
            facts.payments.iter().any(|one| one.order == order && one.transaction == refund.transaction)
        }),
        payments: like(&facts.payments, |one| one.order == order),
        ledger: like(&facts.ledger, |one| one.order == order),
        books: facts.books.clone(),
        all_books: facts.all_books,
        reservations: like(&facts.reservations, |one| one.order == order),
        builds: like(&facts.builds, |one| one.order == order),
        notifications: like(&facts.notifications, |one| one.order == order),
        deliveries: like(&facts.deliveries, |one| one.order == order),
        couriers: couriers.cloned().collect(),
        places: like(&facts.places, |place: &StoragePlace| place.order == Some(order)),
        outbox: like(&facts.outbox, |row| events.contains(&row.event)),
        completions: like(&facts.completions, |one| one.order == order),
        inboxes: facts
            .inboxes
            .iter()
            .map(|inbox| Inbox { rows: like(&inbox.rows, |row| events.contains(&row.event)), ..inbox.clone() })
            .collect(),
        logs: facts
            .logs
            .iter()
            .map(|log| Log {
                records: like(&log.records, |one| one.key == Some(order) || is_own(&one.event)),
                ..log.clone()
            })
            .collect(),
        dead_letters: facts
            .dead_letters
            .iter()
            .map(|dead| DeadLetters { letters: like(&dead.letters, |one| is_own(&one.event)), ..dead.clone() })
            .collect(),
        discarded: like(&facts.discarded, |one| one.order == Some(order)),
        acknowledged: like(&facts.acknowledged, |one| one.order == order),
        told: facts.told.as_ref().map(|told| like(told, |one| one.order == order)),
        refused: facts.refused.as_ref().map(|refused| like(refused, |one| one.order == order)),
        ..Facts::default()
    }
}

/// Returns true for a violation of the order, or by one of its events: [`narrowed`] facts have no others. A sum over
/// several orders concerns none.
pub fn concerns(violation: &Violation, order: Uuid) -> bool {
    violation.order == Some(order) || matches!(violation.cause, Cause::Event { .. })
}

/// Returns the ids of the events that this order has or can have.
fn events(facts: &Facts, order: Uuid) -> HashSet<Uuid> {
    let attempts = facts.payments.iter().filter(|payment| payment.order == order).filter_map(|payment| payment.attempt);
    let possible = events_of(order, attempts.max().unwrap_or_default()).into_iter().map(|(_, event)| event);
    let written = facts.outbox.iter().filter(|row| row.key == order).map(|row| row.event);
    let records = facts.logs.iter().flat_map(|log| &log.records).filter(|record| record.key == Some(order));
    // A basket of an outside program may have the order's uuid.
    let of_basket: Vec<Uuid> = ROUTES.iter().map(|route| route.event_uuid(order, Some(BASKET_PART))).collect();
    let all = possible.chain(written).chain(records.filter_map(|record| record.event));
    all.filter(|event| !of_basket.contains(event)).collect()
}

fn holds(facts: &Facts, courier: &Courier, order: Uuid) -> bool {
    let mut places = facts.places.iter().filter(|place| place.courier == courier.uuid);
    courier.order == Some(order) || places.any(|place| place.order == Some(order))
}

fn like<T: Clone>(rows: &[T], own: impl Fn(&T) -> bool) -> Vec<T> {
    rows.iter().filter(|row| own(row)).cloned().collect()
}
