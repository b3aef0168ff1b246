//! Every acknowledged order exists exactly once.

use audit::{
    Facts,
    facts::{BuildStatus, OrderStatus},
};
use uuid::Uuid;

use crate::{
    fixture::{BUILT, LEFT, OPEN, REFUNDED, RowOf as _, now, then},
    invariant::{Invariant, breaks, holds},
};

#[test]
fn orders_that_are_lost_or_that_only_others_know_are_found() {
    Invariant(1).is_broken_by(&[
        (&["acknowledged as created", "does not exist"], &|facts| facts.orders.retain(|order| order.uuid != OPEN)),
        (&["exists more than once"], &|facts| facts.orders.push(facts.orders[0].clone())),
        (&["acknowledged as paid", "is PENDING_PAYMENT"], &|facts| facts.order(BUILT).status = OrderStatus::Pending),
        (&["acknowledged as paid", "is ASSEMBLED by"], &|facts| {
            facts.order(BUILT).transaction = Some(Uuid::from_u128(99));
        }),
        (&["acknowledged as paid", "is CANCELLED"], &|facts| facts.build(REFUNDED).status = BuildStatus::Building),
        (&["acknowledged as cancelled", "is PENDING_PAYMENT"], &|facts| {
            facts.order(LEFT).status = OrderStatus::Pending;
        }),
        (&["its creation is in the outbox"], &|facts| {
            facts.acknowledged.clear();
            facts.orders.retain(|order| order.uuid != OPEN);
        }),
        (&["its creation is not in the outbox"], &|facts| facts.outbox.retain(|row| row.key != OPEN)),
        (&["its creation is not in the outbox"], &|facts| {
            facts.outbox.retain(|row| row.key != OPEN);
            facts.kept_since = Some(then());
        }),
    ]);
    Invariant(1).holds_though(&[
        ("a paid order that cannot be built is cancelled", &|_| ()),
        ("an old order has lost its outbox row by right", &|facts| {
            facts.outbox.retain(|row| row.key != OPEN);
            facts.kept_since = Some(now());
        }),
        ("a basket is delivered without an order of the shop", &|facts| {
            let delivery = facts.delivery(BUILT);
            (delivery.order, delivery.user) = (Uuid::from_u128(99), None);
        }),
    ]);
}

#[test]
fn the_services_work_for_an_order_that_does_not_exist() {
    const UNKNOWN: Uuid = Uuid::from_u128(99);
    for (row, spoil) in [
        ("a payment", (|facts| facts.payments[0].order = UNKNOWN) as fn(&mut Facts)),
        ("a ledger entry", |facts| facts.ledger[0].order = UNKNOWN),
        ("a reservation", |facts| facts.reservations[0].order = UNKNOWN),
        ("a build", |facts| facts.builds[0].order = UNKNOWN),
        ("a notification", |facts| facts.notifications[0].order = UNKNOWN),
        ("a delivery", |facts| facts.deliveries[0].order = UNKNOWN),
    ] {
        breaks(1, &["does not exist, but has", row], spoil);
    }
}

#[test]
fn what_clients_were_told_need_not_be_known() {
    let found = holds(1, |facts| facts.acknowledged.clear());

    assert!(found.notes.iter().any(|note| note.contains("the responses to clients are unknown")), "{found:?}");
}
