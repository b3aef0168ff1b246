//! Every acknowledged order exists exactly once.

use audit::facts::{BuildStatus, OrderStatus};
use uuid::Uuid;

use crate::fixture::{BUILT, LEFT, OPEN, REFUNDED, breaks, holds, now, the, then};

#[test]
fn an_acknowledged_order_is_lost() {
    breaks(1, &["acknowledged as created", "does not exist"], |facts| facts.orders.retain(|order| order.uuid != OPEN));
}

#[test]
fn an_order_is_there_twice() {
    breaks(1, &["exists more than once"], |facts| facts.orders.push(facts.orders[0].clone()));
}

#[test]
fn an_acknowledged_payment_is_lost() {
    breaks(1, &["acknowledged as paid", "is PENDING_PAYMENT"], |facts| {
        the(&mut facts.orders, |order| order.uuid == BUILT).status = OrderStatus::Pending;
    });
}

#[test]
fn an_order_is_paid_by_another_transaction_than_the_client_was_told() {
    breaks(1, &["acknowledged as paid", "is ASSEMBLED by"], |facts| {
        the(&mut facts.orders, |order| order.uuid == BUILT).transaction = Some(Uuid::from_u128(99));
    });
}

#[test]
fn a_paid_order_is_cancelled_only_when_it_cannot_be_built() {
    holds(1, |_| ());
    breaks(1, &["acknowledged as paid", "is CANCELLED"], |facts| {
        the(&mut facts.builds, |build| build.order == REFUNDED).status = BuildStatus::Building;
    });
}

#[test]
fn an_acknowledged_cancellation_is_lost() {
    breaks(1, &["acknowledged as cancelled", "is PENDING_PAYMENT"], |facts| {
        the(&mut facts.orders, |order| order.uuid == LEFT).status = OrderStatus::Pending;
    });
}

#[test]
fn an_order_that_only_events_know_is_lost() {
    breaks(1, &["its creation is in the outbox"], |facts| {
        facts.acknowledged.clear();
        facts.orders.retain(|order| order.uuid != OPEN);
    });
}

#[test]
fn an_order_has_told_nobody_of_its_creation() {
    breaks(1, &["its creation is not in the outbox"], |facts| facts.outbox.retain(|row| row.key != OPEN));
}

#[test]
fn an_old_order_has_lost_its_outbox_row_by_right() {
    holds(1, |facts| {
        facts.outbox.retain(|row| row.key != OPEN);
        facts.kept_since = Some(now());
    });
}

#[test]
fn the_services_work_for_an_order_that_does_not_exist() {
    for (place, spoil) in
        [("payment", 0), ("provider", 1), ("inventory", 2), ("assembly", 3), ("notification", 4), ("delivery", 5)]
    {
        breaks(1, &["does not exist", place, "has rows for it"], |facts| {
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
fn a_basket_is_delivered_without_an_order_of_the_shop() {
    holds(1, |facts| {
        let delivery = the(&mut facts.deliveries, |delivery| delivery.order == BUILT);
        (delivery.order, delivery.user) = (Uuid::from_u128(99), None);
    });
}

#[test]
fn what_clients_were_told_need_not_be_known() {
    let found = holds(1, |facts| facts.acknowledged.clear());

    assert!(found.notes.iter().any(|note| note.contains("the responses to clients are unknown")), "{found:?}");
}

#[test]
fn an_order_of_the_moment_since_when_rows_are_kept_has_its_row() {
    breaks(1, &["its creation is not in the outbox"], |facts| {
        facts.outbox.retain(|row| row.key != OPEN);
        facts.kept_since = Some(then());
    });
}
