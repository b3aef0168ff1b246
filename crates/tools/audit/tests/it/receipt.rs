//! The receipt of one order: what holds, what is pending, and what is violated.

use std::time::Duration;

use audit::{
    Facts,
    facts::{
        BuildStatus, DeliveryState, Entry, EntryKind, NotificationStatus, OrderStatus, OutboxRow, PaymentStatus,
        Position, ReservationStatus, UnreadDatabase, status_event,
    },
    receipt::{Check, State, receipt, unhandled},
};
use contracts::events::{
    DeliveryStatusUpdated, OrderCancelled, OrderCreated, OrderPaid, PaymentCompleted, Published as _, ShipAssembled,
};
use uuid::Uuid;

use crate::{
    fixture::{BUILT, LEFT, OPEN, PART, REFUNDED, RowOf as _, discarded, event, inbox, log, now, the},
    shop::shop,
};

const ORDERS: &str = "every acknowledged order exists exactly once";
const MONEY: &str = "each paid order is charged once, every other not at all";
const STOCK: &str = "no part is lost, invented or sold twice";
const PUBLICATION: &str = "every outbox row reached its topic, every event has its row";
const CONSUMERS: &str = "each consumer handled every event once, with its effects";
const NOTIFICATIONS: &str = "each user was notified of each step once";
const BOUNDS: &str = "no order or loan stays unfinished longer than its bound";
const DEAD_LETTERS: &str = "the dead-letter topics hold the poison that was sent, and nothing else";
const ATTEMPTS: &str = "each settled attempt was published once, as it ended";
const DELIVERIES: &str = "each ship with an address is delivered once, by one courier";

/// Changes a consistent shop, and returns one order's check of this invariant.
fn checked(order: Uuid, invariant: &str, change: impl FnOnce(&mut Facts)) -> Check {
    let mut facts = shop();
    change(&mut facts);
    let checks = receipt(&facts, order).checks;
    checks.into_iter().find(|check| check.invariant == invariant).expect("the receipt has it")
}

#[track_caller]
fn violated(order: Uuid, invariant: &str, texts: &[&str], spoil: impl FnOnce(&mut Facts)) {
    let check = checked(order, invariant, spoil);
    assert_eq!(check.state, State::Violated, "{check:?}");
    assert!(texts.iter().all(|text| check.text.contains(text)), "{check:?} lacks {texts:?}");
}

#[track_caller]
fn open(order: Uuid, invariant: &str, text: &str, change: impl FnOnce(&mut Facts)) {
    let check = checked(order, invariant, change);
    assert_eq!(check.state, State::Open, "{check:?}");
    assert!(check.text.contains(text), "{check:?} lacks {text}");
}

#[track_caller]
fn held(order: Uuid, invariant: &str, change: impl FnOnce(&mut Facts)) {
    let check = checked(order, invariant, change);
    assert_eq!(check.state, State::Held, "{check:?}");
}

fn row<'a>(facts: &'a mut Facts, order: Uuid, kind: &str) -> &'a mut OutboxRow {
    the(&mut facts.outbox, |row| row.key == order && row.kind == kind)
}

/// Marks the events of an order as published `ago` before now.
fn published(facts: &mut Facts, order: Uuid, ago: Duration) {
    for row in facts.outbox.iter_mut().filter(|row| row.key == order) {
        row.published_at = Some(now() - ago);
    }
}

#[test]
fn a_finished_order_holds_every_invariant_that_concerns_an_order() {
    for order in [BUILT, LEFT, REFUNDED] {
        let receipt = receipt(&shop(), order);

        assert!(receipt.is_whole(), "{receipt:#?}");
        assert_eq!(
            receipt.checks.iter().map(|check| check.invariant).collect::<Vec<_>>(),
            [ORDERS, MONEY, STOCK, PUBLICATION, CONSUMERS, NOTIFICATIONS, BOUNDS, DEAD_LETTERS, ATTEMPTS, DELIVERIES]
        );
    }
}

#[test]
fn dead_letters_that_were_not_read_are_no_part_of_a_receipt() {
    let mut facts = shop();
    facts.dead_letters.clear();

    let receipt = receipt(&facts, BUILT);

    assert!(receipt.is_whole() && receipt.checks.iter().all(|check| check.invariant != DEAD_LETTERS), "{receipt:#?}");
}

#[test]
fn evidence_names_rows_records_and_times() {
    let of = |invariant| checked(BUILT, invariant, |_| {}).evidence.join("\n");
    let paid = event(BUILT, OrderPaid::TYPE);

    assert!(of(MONEY).contains("attempt 1 of 125.00: succeeded, transaction"), "{}", of(MONEY));
    assert!(of(MONEY).contains("the provider's ledger: charge of 125.00"), "{}", of(MONEY));
    assert!(of(STOCK).contains(&format!("1 of Main Engine ({PART})")), "{}", of(STOCK));
    assert!(of(PUBLICATION).contains(&format!("{} {paid} of order", OrderPaid::TYPE)), "{}", of(PUBLICATION));
    assert!(of(PUBLICATION).contains("order.paid/0/"), "{}", of(PUBLICATION));
    assert!(of(PUBLICATION).contains(", payload sha256 c0ffee: "), "{}", of(PUBLICATION));
    let inbox = format!("inbox of assembly: assembly-group-order-paid, {} {paid} at 20", OrderPaid::TYPE);
    assert!(of(CONSUMERS).contains(&inbox), "{}", of(CONSUMERS));
    assert!(of(NOTIFICATIONS).contains("ship_delivered: sent at "), "{}", of(NOTIFICATIONS));
    assert!(of(ATTEMPTS).contains("SUCCESS of 125.00"), "{}", of(ATTEMPTS));
    for status in ["PENDING", "IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED"] {
        let event = status_event(BUILT, status);
        assert!(of(DELIVERIES).contains(&format!("{status} at ")) && of(DELIVERIES).contains(&event.to_string()));
    }
}

#[test]
fn violations_of_other_orders_parts_balances_and_sessions_are_no_part_of_a_receipt() {
    let mut facts = shop();
    facts.orders.retain(|order| order.uuid != OPEN);
    the(&mut facts.parts, |_| true).available += 1;
    facts.balances[0].current += 1;
    facts.probes[0].refused = false;
    facts.customers.clear();
    facts.payment(REFUNDED).amount = Some(1);
    facts.couriers[0].order = Some(REFUNDED);

    assert!(receipt(&facts, BUILT).is_whole(), "{:#?}", receipt(&facts, BUILT));
    assert!(!receipt(&facts, REFUNDED).is_whole());
}

#[test]
fn each_violation_that_concerns_an_order_is_in_its_receipt() {
    violated(BUILT, ORDERS, &["acknowledged as created, and does not exist"], |facts| {
        facts.orders.retain(|order| order.uuid != BUILT);
    });
    violated(BUILT, ORDERS, &["its creation is not in the outbox"], |facts| {
        row(facts, BUILT, OrderCreated::TYPE).key = Uuid::from_u128(99);
    });
    violated(BUILT, MONEY, &["charged 2 times"], |facts| {
        let again = the(&mut facts.ledger, |entry| entry.order == BUILT).clone();
        facts.ledger.push(audit::facts::Entry { key: "again".to_owned(), ..again });
    });
    violated(REFUNDED, MONEY, &["was charged, and no balance got a refund"], |facts| {
        the(&mut facts.ledger, |entry| entry.order == REFUNDED && entry.key.ends_with("-refund")).account = None;
    });
    violated(BUILT, STOCK, &["is ASSEMBLED, and its reservation is released"], |facts| {
        facts.reservation(BUILT).status = ReservationStatus::Released;
    });
    violated(BUILT, STOCK, &["consists of"], |facts| facts.reservation(BUILT).items = vec![(PART, 2)]);
    violated(BUILT, PUBLICATION, &["is marked as published", "is not in order.paid"], |facts| {
        log(facts, OrderPaid::TYPE).records.retain(|record| record.key != Some(BUILT));
    });
    violated(BUILT, PUBLICATION, &["no outbox has such a row"], |facts| {
        facts.outbox.retain(|row| row.key != BUILT || row.kind != ShipAssembled::TYPE);
    });
    violated(BUILT, PUBLICATION, &["is set aside in the outbox of order"], |facts| {
        let row = row(facts, BUILT, OrderPaid::TYPE);
        (row.published_at, row.set_aside_at) = (None, Some(row.created_at));
    });
    violated(BUILT, CONSUMERS, &["is assembled, but has published nothing"], |facts| {
        facts.outbox.retain(|row| row.key != BUILT || row.kind != ShipAssembled::TYPE);
    });
    violated(BUILT, NOTIFICATIONS, &["order_paid of order", "was never handed over"], |facts| {
        the(&mut facts.notifications, |one| one.order == BUILT && one.kind == "order_paid").attempts = 0;
    });
    violated(BUILT, BOUNDS, &["is not built, overdue"], |facts| facts.order(BUILT).status = OrderStatus::Paid);
    violated(BUILT, ATTEMPTS, &["is published with the amount"], |facts| facts.payment(BUILT).amount = Some(1));
    violated(BUILT, DELIVERIES, &["is ASSEMBLED, and its delivery is FAILED"], |facts| {
        facts.deliveries[0].state = DeliveryState::Failed;
    });
    violated(BUILT, DELIVERIES, &["and its places hold"], |facts| {
        facts.places[0].order = Some(BUILT);
        facts.couriers[0].order = Some(REFUNDED);
    });
}

#[test]
fn a_missing_inbox_row_is_violated_and_named_once_the_effect_is_there() {
    let paid = event(BUILT, OrderPaid::TYPE);
    let spoil = |facts: &mut Facts| {
        published(facts, BUILT, Duration::ZERO);
        inbox(facts, "notification-group-order-paid").rows.retain(|row| row.event != paid);
    };

    violated(BUILT, CONSUMERS, &["notification has a notification order_paid", OrderPaid::TYPE], spoil);
    let evidence = checked(BUILT, CONSUMERS, spoil).evidence;
    let line = format!("inbox of notification: notification-group-order-paid, {} {paid}: no row", OrderPaid::TYPE);
    assert!(evidence.contains(&line), "{evidence:#?}");
}

#[test]
fn a_missing_inbox_row_is_violated_once_the_consumer_has_passed_the_event() {
    let group = "order-group-payment-completed";
    let completed = event(BUILT, PaymentCompleted::TYPE);
    let spoil = |ago, is_past: Option<bool>| {
        move |facts: &mut Facts| {
            published(facts, BUILT, ago);
            inbox(facts, group).rows.retain(|row| row.event != completed);
            facts.positions.extend(is_past.map(|is_past| Position {
                group: group.to_owned(),
                event: completed,
                is_past,
            }));
        }
    };
    let (now, long_ago) = (Duration::ZERO, Duration::from_mins(2));
    let named = format!("{} of order {BUILT}: {group} has not handled it (event {completed})", PaymentCompleted::TYPE);

    violated(BUILT, CONSUMERS, &[&named], spoil(now, Some(true)));
    violated(BUILT, CONSUMERS, &[&named], spoil(long_ago, None));
    open(BUILT, CONSUMERS, "has not handled events.v1.PaymentCompleted", spoil(now, None));
    open(BUILT, CONSUMERS, "has not handled events.v1.PaymentCompleted", spoil(long_ago, Some(false)));
    let mut facts = shop();
    spoil(now, None)(&mut facts);
    let waiting = unhandled(&facts, BUILT);
    assert_eq!((waiting.len(), waiting[0].event, waiting[0].consumer.group), (1, completed, group));
}

#[test]
fn one_of_several_events_of_a_type_does_not_excuse_the_others() {
    let group = "order-group-delivery-status-updated";
    let [pending, delivered] = ["PENDING", "DELIVERED"].map(|status| status_event(BUILT, status));

    violated(BUILT, CONSUMERS, &[&pending.to_string()], |facts| {
        inbox(facts, group).rows.retain(|row| ![pending, delivered].contains(&row.event));
        for (event, is_past) in [(pending, true), (delivered, false)] {
            facts.positions.push(Position { group: group.to_owned(), event, is_past });
        }
    });
}

#[test]
fn events_under_way_leave_what_depends_on_them_open() {
    let assembled = event(BUILT, ShipAssembled::TYPE);
    let unpublished = |facts: &mut Facts| {
        row(facts, BUILT, ShipAssembled::TYPE).published_at = None;
        log(facts, ShipAssembled::TYPE).records.retain(|record| record.event != Some(assembled));
        for service in ["order", "inventory", "notification", "delivery"] {
            inbox(facts, &format!("{service}-group-order-assembled")).rows.retain(|row| row.event != assembled);
        }
        facts.notifications.retain(|one| one.order != BUILT || one.kind != "ship_assembled");
        facts.order(BUILT).status = OrderStatus::Paid;
        facts.reservation(BUILT).status = ReservationStatus::Confirmed;
    };
    open(BUILT, PUBLICATION, "is not published yet", unpublished);
    open(BUILT, CONSUMERS, "is not published yet", unpublished);
    // Inventory has handled `ShipAssembled`, but order has not.
    let unconsumed = |facts: &mut Facts| {
        published(facts, BUILT, Duration::ZERO);
        inbox(facts, "order-group-order-assembled").rows.clear();
        facts.order(BUILT).status = OrderStatus::Paid;
    };
    open(BUILT, STOCK, "order-group-order-assembled has not handled", unconsumed);
    open(BUILT, CONSUMERS, "order-group-order-assembled has not handled", unconsumed);
    open(BUILT, PUBLICATION, "its record is not read yet", |facts| {
        published(facts, BUILT, Duration::ZERO);
        log(facts, OrderPaid::TYPE).records.clear();
    });
}

#[test]
fn what_does_not_follow_from_an_event_under_way_is_violated() {
    let twice = |facts: &mut Facts| {
        let charge = facts.ledger.iter().find(|entry| entry.order == REFUNDED).expect("a charge").clone();
        facts.ledger.push(Entry { key: "again".to_owned(), ..charge });
    };
    violated(REFUNDED, MONEY, &["charged 2 times"], |facts| {
        published(facts, REFUNDED, Duration::ZERO);
        inbox(facts, "payment-group-order-cancelled").rows.clear();
        twice(facts);
    });
    violated(REFUNDED, MONEY, &["charged 2 times"], |facts| {
        let cancelled = event(REFUNDED, OrderCancelled::TYPE);
        row(facts, REFUNDED, OrderCancelled::TYPE).published_at = None;
        log(facts, OrderCancelled::TYPE).records.retain(|record| record.event != Some(cancelled));
        twice(facts);
    });
}

#[test]
fn money_under_way_is_open() {
    let refunding = |facts: &mut Facts| {
        facts.payment(REFUNDED).status = PaymentStatus::Refunding;
        facts.ledger.retain(|entry| entry.kind != EntryKind::Refund);
    };
    open(REFUNDED, MONEY, "is not refunded yet", refunding);
    open(REFUNDED, MONEY, "payment-group-order-cancelled has not handled", |facts| {
        published(facts, REFUNDED, Duration::ZERO);
        inbox(facts, "payment-group-order-cancelled").rows.clear();
        facts.ledger.retain(|entry| entry.kind != EntryKind::Refund);
        let payment = facts.payment(REFUNDED);
        (payment.status, payment.cancelled) = (PaymentStatus::Succeeded, false);
    });
    let charged = |facts: &mut Facts| {
        let order = facts.order(BUILT);
        (order.status, order.attempt, order.transaction) = (OrderStatus::Pending, Some(1), None);
        order.has_address = false;
    };
    open(BUILT, MONEY, "attempt 1 to pay is under way", charged);
    open(BUILT, ATTEMPTS, "attempt 1 to pay is under way", charged);
}

#[test]
fn an_order_that_is_not_finished_is_open() {
    open(OPEN, BOUNDS, "may be paid until", |_| {});
    held(OPEN, MONEY, |_| {});
    open(BUILT, BOUNDS, "the ship is being built until", |facts| {
        let build = facts.build(BUILT);
        (build.status, build.due_at) = (BuildStatus::Building, now() + Duration::from_secs(5));
    });
    open(BUILT, NOTIFICATIONS, "ship_delivered is not sent yet", |facts| {
        let one = the(&mut facts.notifications, |one| one.kind == "ship_delivered");
        (one.status, one.attempts, one.sent_at) = (NotificationStatus::Queued, 0, None);
    });
    open(BUILT, DELIVERIES, "its delivery is IN_TRANSIT", |facts| {
        let delivery = &mut facts.deliveries[0];
        (delivery.state, delivery.status) = (DeliveryState::Assigned, Some("IN_TRANSIT".to_owned()));
        (facts.couriers[0].order, facts.places[0].order) = (Some(BUILT), Some(BUILT));
        let late = ["OUT_FOR_DELIVERY", "DELIVERED"].map(|status| status_event(BUILT, status));
        facts.outbox.retain(|row| !late.contains(&row.event) && !row.kind.ends_with("OrderCompletedIntegrationEvent"));
        log(facts, DeliveryStatusUpdated::TYPE).records.retain(|one| !late.contains(&one.event.unwrap()));
        for service in ["order", "notification"] {
            let group = format!("{service}-group-delivery-status-updated");
            inbox(facts, &group).rows.retain(|row| !late.contains(&row.event));
        }
        facts.order(BUILT).delivery_status = Some("IN_TRANSIT".to_owned());
    });
}

#[test]
fn a_database_that_was_not_read_leaves_its_checks_open_with_the_reason() {
    let unread = |facts: &mut Facts| {
        facts.unread.push(UnreadDatabase { service: "notification", error: "connecting".to_owned() });
        facts.notifications.clear();
        facts.inboxes.retain(|inbox| inbox.service != "notification");
    };

    open(BUILT, NOTIFICATIONS, "the database of notification was not read: connecting", unread);
    open(BUILT, CONSUMERS, "the database of notification was not read: connecting", unread);
    held(BUILT, MONEY, unread);
    held(BUILT, STOCK, unread);
}

#[test]
fn what_a_discarded_letter_explains_is_held_and_named() {
    let cancelled = event(LEFT, OrderCancelled::TYPE);
    let check = checked(LEFT, CONSUMERS, |facts| {
        inbox(facts, "inventory-group-order-cancelled").rows.retain(|row| row.event != cancelled);
        facts.discarded.push(discarded("inventory-group-order-cancelled", LEFT, cancelled));
    });

    assert_eq!(check.state, State::Held, "{check:?}");
    assert!(check.evidence.iter().any(|line| line.contains("waived, since ann discarded")), "{check:?}");
}

#[test]
fn a_violation_of_an_order_that_changes_is_in_doubt() {
    let mut facts = shop();
    facts.reservation(BUILT).status = ReservationStatus::Released;

    let receipt = receipt(&facts, BUILT).in_doubt();

    let check = receipt.checks.iter().find(|check| check.invariant == STOCK).unwrap();
    assert_eq!(check.state, State::Open);
    assert!(check.text.starts_with("the order changed while it was read: "), "{check:?}");
}
