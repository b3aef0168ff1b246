//! Every acknowledged order exists exactly once.

use audit::facts::{BuildStatus, OrderStatus};
use uuid::Uuid;

use crate::fixture::{BUILT, Invariant, LEFT, OPEN, REFUNDED, breaks, holds, now, the, then};

#[test]
fn orders_that_are_lost_or_that_only_others_know_are_found() {
    Invariant(1).table(&[
        ("an acknowledged order is lost", &["acknowledged as created", "does not exist"], &|facts| {
            facts.orders.retain(|order| order.uuid != OPEN);
        }),
        ("an order is there twice", &["exists more than once"], &|facts| facts.orders.push(facts.orders[0].clone())),
        ("an acknowledged payment is lost", &["acknowledged as paid", "is PENDING_PAYMENT"], &|facts| {
            the(&mut facts.orders, |order| order.uuid == BUILT).status = OrderStatus::Pending;
        }),
        (
            "an order is paid by another transaction than the client was told",
            &["acknowledged as paid", "is ASSEMBLED by"],
            &|facts| {
                the(&mut facts.orders, |order| order.uuid == BUILT).transaction = Some(Uuid::from_u128(99));
            },
        ),
        ("a paid order is cancelled only when it cannot be built", &[], &|_| ()),
        (
            "a paid order is cancelled only when it cannot be built",
            &["acknowledged as paid", "is CANCELLED"],
            &|facts| {
                the(&mut facts.builds, |build| build.order == REFUNDED).status = BuildStatus::Building;
            },
        ),
        ("an acknowledged cancellation is lost", &["acknowledged as cancelled", "is PENDING_PAYMENT"], &|facts| {
            the(&mut facts.orders, |order| order.uuid == LEFT).status = OrderStatus::Pending;
        }),
        ("an order that only events know is lost", &["its creation is in the outbox"], &|facts| {
            facts.acknowledged.clear();
            facts.orders.retain(|order| order.uuid != OPEN);
        }),
        ("an order has told nobody of its creation", &["its creation is not in the outbox"], &|facts| {
            facts.outbox.retain(|row| row.key != OPEN);
        }),
        ("an old order has lost its outbox row by right", &[], &|facts| {
            facts.outbox.retain(|row| row.key != OPEN);
            facts.kept_since = Some(now());
        }),
        ("a basket is delivered without an order of the shop", &[], &|facts| {
            let delivery = the(&mut facts.deliveries, |delivery| delivery.order == BUILT);
            (delivery.order, delivery.user) = (Uuid::from_u128(99), None);
        }),
        (
            "an order of the moment since when rows are kept has its row",
            &["its creation is not in the outbox"],
            &|facts| {
                facts.outbox.retain(|row| row.key != OPEN);
                facts.kept_since = Some(then());
            },
        ),
    ]);
}

#[test]
fn the_services_work_for_an_order_that_does_not_exist() {
    for (row, spoil) in [
        ("a payment", 0),
        ("a ledger entry", 1),
        ("a reservation", 2),
        ("a build", 3),
        ("a notification", 4),
        ("a delivery", 5),
    ] {
        breaks(1, &["does not exist, but has", row], |facts| {
            let nobody = Uuid::from_u128(99);
            match spoil {
                0 => facts.payments[0].order = nobody,
                1 => facts.ledger[0].order = nobody,
                2 => facts.reservations[0].order = nobody,
                3 => facts.builds[0].order = nobody,
                4 => facts.notifications[0].order = nobody,
                _ => facts.deliveries[0].order = nobody,
            }
        });
    }
}

#[test]
fn what_clients_were_told_need_not_be_known() {
    let found = holds(1, |facts| facts.acknowledged.clear());

    assert!(found.notes.iter().any(|note| note.contains("the responses to clients are unknown")), "{found:?}");
}
