//! Each consumer received every event, and each distinct event had its effect once.

use audit::{
    Facts,
    facts::{BuildStatus, Inbox, Notification, OrderStatus, OutboxRow, ReservationStatus, kind},
};
use contracts::events::{OrderPaid, Published as _, ROUTES};
use uuid::Uuid;

use crate::{
    fixture::{BUILT, LEFT, OPEN, REFUNDED, RowOf as _, event, inbox, letter, log, now, the},
    invariant::{Invariant, breaks, finding, holds},
    shop::shop,
};

#[test]
fn a_consumer_has_not_taken_an_event() {
    for route in &ROUTES {
        for consumer in route.inboxes() {
            breaks(5, &[route.kind, consumer.group, "has not handled it"], |facts| {
                inbox(facts, consumer.group).rows.clear();
            });
        }
    }
}

#[test]
fn a_missing_effect_of_each_event_on_each_consumer_is_found() {
    for route in &ROUTES {
        for consumer in route.inboxes() {
            let handled = format!("{} has handled its {}", consumer.group, route.kind);
            breaks(5, &[&handled, &format!("but {} has not", consumer.service)], |facts| {
                forget(facts, consumer.service);
            });
        }
    }
}

/// Removes the effects of all events on a service's rows, and on those of others.
fn forget(facts: &mut Facts, service: &str) {
    facts.reservations.clear();
    facts.payments.clear();
    facts.builds.clear();
    facts.notifications.clear();
    facts.deliveries.clear();
    if service == "delivery" {
        // It handles the events of orders without an address without effect.
        for order in &mut facts.orders {
            order.has_address = true;
        }
    } else {
        facts.orders.clear();
    }
}

#[test]
fn an_additional_notification_of_each_kind_is_found() {
    let shop = shop();
    for one in shop.notifications {
        let found = format!("notification has a notification {}, but", one.kind);
        breaks(5, &[&OPEN.to_string(), &found], |facts| facts.notifications.push(Notification { order: OPEN, ..one }));
    }
}

#[test]
fn each_missing_and_each_additional_effect_is_found() {
    Invariant(5).is_broken_by(&[
        (&["assembly-group-order-paid", "it was never published"], &|facts| {
            let row = inbox(facts, "assembly-group-order-paid").rows[0];
            inbox(facts, "assembly-group-order-paid")
                .rows
                .push(audit::facts::Received { event: Uuid::from_u128(99), ..row });
        }),
        (&["assembly-group-order-paid", "more than once"], &|facts| {
            let row = inbox(facts, "assembly-group-order-paid").rows[0];
            inbox(facts, "assembly-group-order-paid").rows.push(row);
        }),
        (&["but assembly has not a job"], &|facts| facts.builds.retain(|build| build.order != BUILT)),
        (&["but notification has not a notification ship_assembled"], &|facts| {
            facts.notifications.retain(|one| one.kind != "ship_assembled");
        }),
        (&["but order has not an ASSEMBLED order"], &|facts| facts.order(BUILT).status = OrderStatus::Paid),
        (&["but order has not a CANCELLED order"], &|facts| facts.order(REFUNDED).status = OrderStatus::Paid),
        (&["but inventory has not a released reservation"], &|facts| {
            facts.reservation(LEFT).status = ReservationStatus::Confirmed;
        }),
        (&["but inventory has not a committed reservation"], &|facts| {
            facts.reservation(BUILT).status = ReservationStatus::Confirmed;
        }),
        (&["but payment has not a cancelled payment"], &|facts| facts.payments.retain(|payment| payment.order != LEFT)),
        (&["assembly has a job", "has not handled its events.v1.OrderPaid"], &|facts| {
            let mut build = facts.builds[0].clone();
            build.order = OPEN;
            facts.builds.push(build);
        }),
        (&["order has an ASSEMBLED order"], &|facts| facts.order(OPEN).status = OrderStatus::Assembled),
    ]);
    Invariant(5).holds_though(&[("other effects may be older or younger than their event", &|facts| {
        for order in &mut facts.orders {
            order.updated_at = now();
        }
        for payment in &mut facts.payments {
            payment.updated_at = now();
        }
    })]);
}

#[test]
fn events_that_were_not_published_or_were_dead_lettered_or_are_old_are_told_apart() {
    let missing = |facts: &mut Facts| {
        inbox(facts, "assembly-group-order-paid").rows.retain(|row| row.event != event(BUILT, OrderPaid::TYPE));
    };
    let row = format!("events.v1.OrderPaid of order {BUILT}: ");
    Invariant(5).is_broken_by(&[
        (&["is assembled, but has published nothing"], &|facts| {
            facts.outbox.retain(|row| !(row.service == "assembly" && row.key == BUILT));
        }),
        (&["is building, but has published events.v1.ShipAssembled"], &|facts| {
            facts.build(BUILT).status = BuildStatus::Building;
        }),
        (&["assembly-group-order-paid has dead-lettered it"], &|facts| {
            missing(facts);
            bury(facts, "assembly-group-order-paid");
        }),
        (&[&row, "assembly-group-order-paid has not handled it"], &|facts| {
            missing(facts);
            bury(facts, "notification-group-order-paid");
        }),
        (&[&row, "assembly-group-order-paid has not handled it"], &|facts| {
            missing(facts);
            bury(facts, "assembly-group-order-paid");
            facts.dead_letters[0].letters[0].topic = "order.created".to_owned();
        }),
    ]);
    Invariant(5).holds_though(&[
        ("a job may have published other events than how it ended", &|facts| {
            let result = the(&mut facts.outbox, |row| row.service == "assembly" && row.key == BUILT).clone();
            facts.outbox.push(OutboxRow { event: Uuid::from_u128(98), kind: kind("events.v1.Other"), ..result });
        }),
        ("an event so old that its rows were removed is passed over", &|facts| {
            let built = event(BUILT, OrderPaid::TYPE);
            facts.outbox.retain(|row| row.event != built);
            log(facts, OrderPaid::TYPE).records.retain(|record| record.event != Some(built));
            facts.kept_since = Some(now());
        }),
        ("an inbox row so old that it was removed is passed over", &|facts| {
            inbox(facts, "assembly-group-order-paid").rows.pop();
            facts.kept_since = Some(now());
        }),
    ]);
}

#[test]
fn a_consumer_of_no_route_is_named() {
    let found = holds(5, |facts| {
        facts.inboxes.push(Inbox { service: "order", consumer: "unrouted".to_owned(), rows: Vec::new() });
    });

    assert!(found.notes.iter().any(|note| note.contains("of no route")), "{found:?}");
}

/// Adds a dead letter of one of the shop's events.
fn bury(facts: &mut Facts, group: &str) {
    facts.dead_letters[0].letters.push(letter(group, Some(event(BUILT, OrderPaid::TYPE))));
}

#[test]
fn dead_lettered_events_are_counted() {
    let mut facts = shop();
    for group in ["assembly-group-order-paid", "notification-group-order-paid"] {
        inbox(&mut facts, group).rows.retain(|row| row.event != event(BUILT, OrderPaid::TYPE));
        bury(&mut facts, group);
    }

    let found = finding(&facts, 5);

    assert!(found.counted.iter().any(|count| count.of == "dead-lettered events" && count.count == 2), "{found:?}");
}

#[test]
fn the_user_is_told_that_the_ship_is_delivered_and_of_no_other_status() {
    let problems = |facts: &Facts| {
        let violations = finding(facts, 5).violations.into_iter();
        let problems = violations.map(|one| format!("{}: {}", one.row, one.problem));
        problems.filter(|problem| problem.contains("notification")).collect::<Vec<_>>()
    };
    let is_it = |one: &Notification| one.order == BUILT && one.kind == "ship_delivered";
    let (mut untold, mut invented) = (shop(), shop());
    untold.notifications.retain(|one| !is_it(one));
    let delivered = invented.notifications.iter().find(|one| is_it(one)).cloned().unwrap();
    invented.notifications.push(Notification { order: REFUNDED, ..delivered });

    let (untold, told, invented) = (problems(&untold), problems(&shop()), problems(&invented));

    let [untold] = untold.as_slice() else { panic!("{untold:#?}") };
    assert!(
        untold.contains(&BUILT.to_string()) && untold.contains("has not a notification ship_delivered"),
        "{untold}"
    );
    assert_eq!(told, Vec::<String>::new());
    let [invented] = invented.as_slice() else { panic!("{invented:#?}") };
    assert!(invented.contains(&REFUNDED.to_string()) && invented.contains("has not handled its"), "{invented}");
}
