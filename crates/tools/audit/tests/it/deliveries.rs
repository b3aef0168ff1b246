//! Each assembled order with an address is delivered once, by one courier, and each status is published once, in order.

use std::time::Duration;

use audit::{
    facts::{Courier, DeliveryState, OrderStatus, StoragePlace, status_event},
    receipt::narrowed,
};
use contracts::events::{
    BASKET_PART, DeliveryStatusUpdated, OrderCompletedIntegrationEvent, OrderCreatedIntegrationEvent, Published as _,
    route_of,
};
use uuid::Uuid;

use crate::{
    fixture::{BUILT, COURIER, LEFT, OPEN, PLACE, REFUNDED, RowOf as _, event, log, now, the, then},
    invariant::{Invariant, breaks, holds},
    shop::shop,
};

/// Changes the delivered order to one that a courier still carries.
fn carried(facts: &mut audit::Facts) {
    let delivery = facts.delivery(BUILT);
    delivery.state = DeliveryState::Assigned;
    delivery.status = Some("OUT_FOR_DELIVERY".to_owned());
    let status = delivery.status.clone();
    facts.order(BUILT).delivery_status = status;
    the(&mut facts.couriers, |courier| courier.uuid == COURIER).order = Some(BUILT);
    the(&mut facts.places, |place| place.uuid == PLACE).order = Some(BUILT);
    let delivered = status_event(BUILT, "DELIVERED");
    facts.outbox.retain(|row| row.event != delivered && row.kind != OrderCompletedIntegrationEvent::TYPE);
    log(facts, DeliveryStatusUpdated::TYPE).records.retain(|record| record.event != Some(delivered));
}

#[test]
fn a_courier_and_an_order_that_do_not_agree_are_found() {
    Invariant(11).is_broken_by(&[
        (&[&format!("order {BUILT}"), "is ASSEMBLED, and its delivery is not there"], &|facts| {
            facts.deliveries.clear();
        }),
        (&[&format!("order {BUILT}"), "is ASSEMBLED, and its delivery is PENDING"], &|facts| {
            facts.delivery(BUILT).state = DeliveryState::Pending;
        }),
        (&["exists more than once"], &|facts| facts.deliveries.push(facts.deliveries[0].clone())),
        (&[&format!("courier {COURIER}"), "holds 2 orders in its places"], &|facts| {
            carried(facts);
            let place = StoragePlace { uuid: Uuid::from_u128(72), order: Some(OPEN), ..facts.places[0] };
            facts.places.push(place);
        }),
        (&["is held by 2 couriers"], &|facts| {
            carried(facts);
            let second = Uuid::from_u128(73);
            facts.couriers.push(Courier { uuid: second, order: Some(BUILT) });
            facts.places.push(StoragePlace { uuid: Uuid::from_u128(74), courier: second, ..facts.places[0] });
        }),
    ]);
    Invariant(11).holds_though(&[("an assembled order with an address is delivered or under way", &carried)]);
}

#[test]
fn each_spoilt_status_of_a_delivery_is_found() {
    let basket = |facts: &mut audit::Facts| {
        facts.orders.retain(|order| order.uuid != BUILT);
        facts.deliveries[0].user = None;
    };
    Invariant(11).is_broken_by(&[
        (&[&format!("order {REFUNDED}"), "has no address, and delivery has it"], &|facts| {
            let mut delivery = facts.deliveries[0].clone();
            delivery.order = REFUNDED;
            facts.deliveries.push(delivery);
        }),
        (&[r#"has published ["IN_TRANSIT", "PENDING", "OUT_FOR_DELIVERY", "DELIVERED"]"#], &|facts| {
            let first = facts.outbox.iter().position(|row| row.event == status_event(BUILT, "PENDING")).unwrap();
            facts.outbox.swap(first, first + 1);
        }),
        (&[r#"and its topic has ["IN_TRANSIT", "PENDING", "OUT_FOR_DELIVERY", "DELIVERED"]"#], &|facts| {
            let records = &mut log(facts, DeliveryStatusUpdated::TYPE).records;
            records.swap(0, 1);
        }),
        (&[r#"and has published ["PENDING", "IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED"]"#], &|facts| {
            carried(facts);
            let row = facts.outbox.iter().find(|row| row.kind == DeliveryStatusUpdated::TYPE).unwrap().clone();
            facts.outbox.push(audit::facts::OutboxRow { event: status_event(BUILT, "DELIVERED"), ..row });
        }),
        (&["does not exist, and has published events"], &|facts| {
            the(&mut facts.outbox, |row| row.kind == DeliveryStatusUpdated::TYPE).key = OPEN;
        }),
        (&["had the statuses [], and has published"], &basket),
        (&["is COMPLETED, and has published 0 order.events.OrderCompletedIntegrationEvent"], &|facts| {
            facts.outbox.retain(|row| row.kind != OrderCompletedIntegrationEvent::TYPE);
        }),
        (&["was told that its delivery is DELIVERED"], &|facts| {
            facts.order(BUILT).delivery_status = Some("PENDING".to_owned());
        }),
    ]);
    Invariant(11).holds_though(&[
        ("an early event of an order without an address is kept", &|facts| {
            // The order's `ShipAssembled` came before its `OrderPaid`, which requests no delivery.
            let mut early = facts.deliveries[0].clone();
            (early.order, early.state) = (REFUNDED, DeliveryState::AssembledEarly);
            (early.user, early.delivery, early.status, early.courier) = (None, None, None, None);
            facts.deliveries.push(early);
        }),
        ("a status that is in the topic again is the same event", &|facts| {
            let records = &mut log(facts, DeliveryStatusUpdated::TYPE).records;
            let again = records[0].clone();
            records.push(audit::facts::Record { offset: 99, ..again });
        }),
        ("statuses in the topics of a broker that began anew keep their order", &|facts| {
            let records = &mut log(facts, DeliveryStatusUpdated::TYPE).records;
            for (record, offset) in records.iter_mut().skip(1).zip(0..) {
                record.offset = offset;
            }
        }),
        ("a basket publishes no status", &|facts| {
            basket(facts);
            facts.outbox.retain(|row| row.kind != DeliveryStatusUpdated::TYPE);
        }),
        ("old deliveries have lost their events by right", &|facts| {
            facts.outbox.retain(|row| row.service != "delivery");
            facts.kept_since = Some(now());
        }),
    ]);
}

#[test]
fn a_cancelled_order_has_no_delivery_or_a_failed_one() {
    breaks(11, &["is CANCELLED, and its delivery is not there"], |facts| facts.order(REFUNDED).has_address = true);
    for order in [OPEN, LEFT] {
        holds(11, |facts| facts.order(order).has_address = true);
    }
    breaks(11, &["is CANCELLED, and its delivery is COMPLETED"], |facts| {
        facts.order(BUILT).status = OrderStatus::Cancelled;
    });
}

#[test]
fn a_courier_and_its_places_and_its_order_agree() {
    for (text, spoil) in [
        ("and its places hold nothing", (|facts| facts.places[0].order = None) as fn(&mut audit::Facts)),
        ("carries nothing, and its places hold", |facts| facts.couriers[0].order = None),
        ("which is not assigned to it", |facts| facts.deliveries[0].courier = Some(Uuid::from_u128(75))),
        ("which is not assigned to it", |facts| facts.deliveries[0].state = DeliveryState::Completed),
        ("which does not hold it", |facts| {
            facts.couriers[0].order = None;
            facts.places[0].order = None;
        }),
        ("does not exist, and its places hold", |facts| facts.couriers.clear()),
    ] {
        breaks(11, &[text], |facts| {
            carried(facts);
            spoil(facts);
        });
    }
}

#[test]
fn a_status_that_was_not_published_is_found() {
    for status in ["PENDING", "IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED"] {
        breaks(11, &[&format!("delivery of order {BUILT}"), "and has published"], |facts| {
            facts.outbox.retain(|row| row.event != status_event(BUILT, status));
        });
    }
}

#[test]
fn a_basket_with_the_uuid_of_an_order_changes_nothing_of_the_order() {
    let basket = |facts: &mut audit::Facts| {
        // The key of a basket's delivery is derived from the basket's id.
        facts.deliveries.push(audit::facts::Delivery {
            order: Uuid::from_u128(76),
            user: None,
            ..facts.deliveries[0].clone()
        });
        for kind in [OrderCreatedIntegrationEvent::TYPE, OrderCompletedIntegrationEvent::TYPE] {
            let row = facts.outbox.iter().find(|row| row.kind == kind).unwrap().clone();
            let event = route_of(kind).unwrap().event_uuid(BUILT, Some(BASKET_PART));
            facts.outbox.push(audit::facts::OutboxRow { event, ..row });
        }
    };
    holds(11, basket);
    breaks(11, &["is COMPLETED, and has published 0 order.events.OrderCompletedIntegrationEvent"], |facts| {
        basket(facts);
        let own = event(BUILT, OrderCompletedIntegrationEvent::TYPE);
        facts.outbox.retain(|row| row.event != own);
    });
    let mut facts = shop();
    basket(&mut facts);
    assert_eq!(narrowed(&facts, BUILT).outbox.len(), narrowed(&shop(), BUILT).outbox.len());
}

#[test]
fn an_overdue_delivery_is_found() {
    let waits = |facts: &mut audit::Facts| {
        let delivery = facts.delivery(BUILT);
        (delivery.state, delivery.courier, delivery.waiting_since) = (DeliveryState::Created, None, Some(then()));
    };
    Invariant(7).is_broken_by(&[
        (&[&format!("order {BUILT}"), "is not delivered, 293 s overdue"], &carried),
        (&[&format!("order {BUILT}"), "waits for a courier while one is free"], &waits),
    ]);
    Invariant(7).holds_though(&[
        ("an order is carried for as long as its steps take", &|facts| {
            carried(facts);
            facts.bounds.step = Duration::from_secs(40);
        }),
        ("an order waits for a courier while none is free", &|facts| {
            waits(facts);
            facts.couriers[0].order = Some(REFUNDED);
        }),
        ("an order waits for a courier while none has room for it", &|facts| {
            waits(facts);
            facts.deliveries[0].volume = Some(11);
        }),
    ]);
}
