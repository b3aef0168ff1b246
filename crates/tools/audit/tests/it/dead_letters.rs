//! The dead-letter topics contain exactly the poison that was sent.

use audit::{
    Facts, Verdict,
    facts::{
        DeadLetter, DeliveryState, Discarded, EntryKind, OrderStatus, OutboxRow, PaymentStatus, Poison,
        ReservationStatus, status_event,
    },
};
use contracts::events::{Consumer, OrderCancelled, OrderPaid, Published as _, ROUTES, ShipAssembled};
use uuid::Uuid;

use crate::{
    fixture::{BUILT, PART, PRICE, REFUNDED, RowOf as _, USER, discarded, event, inbox, letter, now, the},
    invariant::{Invariant, breaks, finding, holds},
    shop::shop,
};

const CONSUMERS: &[Consumer] = OrderPaid::ROUTE.consumers;
/// The group of the first consumer.
const GROUP: &str = CONSUMERS[0].group;

/// Returns the dead letters of the topic of `OrderPaid`.
fn letters(facts: &mut Facts) -> &mut Vec<DeadLetter> {
    &mut the(&mut facts.dead_letters, |dead| dead.topic == "order.paid.dlq").letters
}

fn sent(facts: &mut Facts) {
    facts.poison = Some(vec![Poison { topic: "order.paid".to_owned(), partition: 3, offset: 9 }]);
}

#[test]
fn poison_that_was_sent_is_with_the_dead_letters_of_every_consumer() {
    let found = holds(8, |facts| {
        sent(facts);
        letters(facts).extend(CONSUMERS.iter().map(|consumer| letter(consumer.group, None)));
    });
    assert!(found.counted.iter().any(|count| count.of == "poison records" && count.count == 1), "{found:?}");

    breaks(8, &["poison order.paid/3/9", "notification-group-order-paid has not dead-lettered it"], |facts| {
        sent(facts);
        letters(facts).push(letter(GROUP, None));
    });
}

#[test]
fn each_letter_that_is_no_poison_and_was_not_dealt_with_is_found() {
    let event = event(BUILT, OrderPaid::TYPE);
    Invariant(8).is_broken_by(&[
        (&["is no poison that was sent"], &|facts| {
            facts.poison = Some(Vec::new());
            letters(facts).push(letter(GROUP, None));
        }),
        (&["is the events.v1.OrderPaid of order", "did not handle"], &|facts| {
            inbox(facts, GROUP).rows.retain(|row| row.event != event);
            letters(facts).push(letter(GROUP, Some(event)));
        }),
        // The discarded letter with this id is of a topic that was created again since.
        (&["letter order.paid.dlq/0/0", "did not handle"], &|facts| {
            discard(facts, BUILT);
            letters(facts)[0].given_up_at = now();
        }),
    ]);
}

#[test]
fn foreign_letters_are_noted_where_the_sent_poison_is_not_known() {
    let found = holds(8, |facts| letters(facts).push(letter(GROUP, None)));

    assert!(found.notes.iter().any(|note| note.contains("1 dead letters are no events of this shop")), "{found:?}");
}

#[test]
fn an_event_that_was_replayed_is_dead_no_more() {
    let event = event(BUILT, OrderPaid::TYPE);
    holds(8, |facts| letters(facts).push(letter(GROUP, Some(event))));
}

#[test]
fn dead_letter_topics_that_were_not_read_are_not_passed_over() {
    let mut facts = shop();
    facts.dead_letters.pop();
    let read = facts.dead_letters.len();

    let found = finding(&facts, 8);

    assert_eq!(found.verdict, Verdict::NothingToCheck, "{found:?}");
    assert_eq!(found.missing, [format!("{read} of {} dead-letter topics were read", read + 1)]);
}

/// Makes assembly miss the order's `OrderPaid`, whose dead letter an operator discarded.
fn discard(facts: &mut Facts, order: Uuid) {
    let event = event(order, OrderPaid::TYPE);
    inbox(facts, GROUP).rows.retain(|row| row.event != event);
    facts.builds.retain(|build| build.order != order);
    letters(facts).push(letter(GROUP, Some(event)));
    facts.discarded.push(discarded(GROUP, order, event));
}

/// Makes a service miss an event of an order, whose dead letter an operator discarded and then pruned.
fn miss(facts: &mut Facts, service: &str, order: Uuid, kind: &str) {
    let event = event(order, kind);
    let route = ROUTES.iter().find(|route| route.kind == kind).expect("the shop has it");
    let group = route.consumers.iter().find(|consumer| consumer.service == service).expect("the shop has it").group;
    inbox(facts, group).rows.retain(|row| row.event != event);
    facts.discarded.push(discarded(group, order, event));
}

/// Charges the refunded order a second time.
fn charge_again(facts: &mut Facts) {
    let again = the(&mut facts.ledger, |entry| entry.order == REFUNDED && entry.kind == EntryKind::Charge).clone();
    facts.ledger.push(audit::facts::Entry { key: "again".to_owned(), ..again });
}

/// Undoes the refund of the refunded order.
fn keep_the_charge(facts: &mut Facts) {
    facts.ledger.retain(|entry| entry.order != REFUNDED || entry.kind != EntryKind::Refund);
    let payment = facts.payment(REFUNDED);
    (payment.status, payment.cancelled) = (PaymentStatus::Succeeded, false);
    the(&mut facts.balances, |balance| balance.user == USER).current -= PRICE;
}

#[test]
fn a_letter_that_was_discarded_is_dealt_with() {
    let found = holds(8, |facts| discard(facts, BUILT));

    assert!(found.notes.iter().any(|note| note.contains("1 dead letters were discarded")), "{found:?}");
}

/// The number of an invariant, an order, the violation that a discarded letter explains, and the change.
type Consequence<'a> = (u8, Uuid, &'a str, &'a dyn Fn(&mut Facts));

#[test]
fn what_follows_from_a_discarded_letter_is_told_and_breaks_nothing() {
    let rows: [Consequence<'_>; 4] = [
        (7, BUILT, "is not built", &|facts| {
            miss(facts, "assembly", BUILT, OrderPaid::TYPE);
            facts.order(BUILT).status = OrderStatus::Paid;
        }),
        (2, REFUNDED, "is CANCELLED, and is charged (1 charges, 0 refunds)", &|facts| {
            miss(facts, "payment", REFUNDED, OrderCancelled::TYPE);
            keep_the_charge(facts);
        }),
        (3, REFUNDED, "is CANCELLED, and its reservation is confirmed", &|facts| {
            miss(facts, "inventory", REFUNDED, OrderCancelled::TYPE);
            facts.reservation(REFUNDED).status = ReservationStatus::Confirmed;
            (facts.parts[0].available, facts.parts[0].reserved) = (12, 2);
        }),
        (11, BUILT, "is ASSEMBLED, and its delivery is not there", &|facts| {
            miss(facts, "delivery", BUILT, OrderPaid::TYPE);
            facts.deliveries.retain(|delivery| delivery.order != BUILT);
            facts.outbox.retain(|row| row.service != "delivery");
        }),
    ];
    let told = |number, what: &str, change: &dyn Fn(&mut Facts)| {
        let found = holds(number, change);
        let start = "waived, since ann discarded order.paid.dlq/0/0 (built by hand)";
        assert!(found.notes.iter().any(|note| note.starts_with(start) && note.contains(what)), "{found:?}");
    };
    told(5, "has dead-lettered it", &|facts| discard(facts, BUILT));
    for (number, order, what, change) in rows {
        told(number, what, change);
        // The services remove their outbox and inbox rows after a time.
        told(number, what, &|facts| {
            change(facts);
            forget_rows(facts, order);
        });
    }
}

#[test]
fn what_does_not_follow_from_a_discarded_letter_breaks_its_invariant_all_the_same() {
    // The other missing event belongs to another order.
    breaks(5, &["has not handled it"], |facts| {
        discard(facts, BUILT);
        let other = event(REFUNDED, OrderPaid::TYPE);
        inbox(facts, GROUP).rows.retain(|row| row.event != other);
    });
    // Another consumer misses the event.
    breaks(5, &["notification-group-order-paid has not handled it"], |facts| {
        discard(facts, BUILT);
        let event = event(BUILT, OrderPaid::TYPE);
        inbox(facts, CONSUMERS[1].group).rows.retain(|row| row.event != event);
    });
    // The consumer misses another event of the same type, too.
    let [pending, delivered] = ["PENDING", "DELIVERED"].map(|status| status_event(BUILT, status));
    breaks(5, &["has not handled it", &delivered.to_string()], |facts| {
        let group = "order-group-delivery-status-updated";
        inbox(facts, group).rows.retain(|row| ![pending, delivered].contains(&row.event));
        facts.discarded.push(discarded(group, BUILT, pending));
    });
    // The discarded event does not explain a second charge of the order.
    breaks(2, &["charged 2 times"], |facts| {
        discard(facts, BUILT);
        let again = facts.ledger.iter().find(|entry| entry.order == BUILT).unwrap().clone();
        facts.ledger.push(audit::facts::Entry { key: "again".to_owned(), ..again });
    });
    breaks(2, &["charged 2 times"], |facts| {
        miss(facts, "payment", REFUNDED, OrderCancelled::TYPE);
        charge_again(facts);
    });
    breaks(2, &["is CANCELLED, and is charged (2 charges, 0 refunds)"], |facts| {
        miss(facts, "payment", REFUNDED, OrderCancelled::TYPE);
        keep_the_charge(facts);
        charge_again(facts);
    });
    // A discarded event does not explain other parts in the reservation, a failed delivery, or an unsettled charge.
    breaks(3, &["consists of"], |facts| {
        miss(facts, "inventory", BUILT, ShipAssembled::TYPE);
        facts.reservation(BUILT).items = vec![(PART, 2)];
    });
    breaks(11, &["is ASSEMBLED, and its delivery is FAILED"], |facts| {
        miss(facts, "delivery", BUILT, ShipAssembled::TYPE);
        facts.deliveries[0].state = DeliveryState::Failed;
    });
    breaks(7, &["its charge is not settled"], |facts| {
        discard(facts, BUILT);
        facts.payment(BUILT).status = PaymentStatus::Pending;
    });
}

/// Removes the outbox and inbox rows of an order, as the services do after their retention.
fn forget_rows(facts: &mut Facts, order: Uuid) {
    facts.kept_since = Some(now());
    let events: Vec<Uuid> = facts.outbox.iter().filter(|row| row.key == order).map(|row| row.event).collect();
    facts.outbox.retain(|row| row.key != order);
    for inbox in &mut facts.inboxes {
        inbox.rows.retain(|row| !events.contains(&row.event));
    }
}

#[test]
fn a_discarded_letter_without_rows_explains_nothing_else() {
    let unbuilt = |facts: &mut Facts, letter: Discarded| {
        facts.discarded.push(letter);
        facts.order(BUILT).status = OrderStatus::Paid;
        forget_rows(facts, BUILT);
    };
    let paid = event(BUILT, OrderPaid::TYPE);

    // The event belongs to another order, has a type that the consumer does not handle, or is not of this shop.
    for other in [event(REFUNDED, OrderPaid::TYPE), event(BUILT, OrderCancelled::TYPE), Uuid::from_u128(99)] {
        breaks(7, &["is not built"], |facts| unbuilt(facts, discarded(GROUP, BUILT, other)));
    }
    breaks(7, &["is not built"], |facts| unbuilt(facts, discarded(CONSUMERS[1].group, BUILT, paid)));
    breaks(7, &["is not built"], |facts| unbuilt(facts, discarded(GROUP, REFUNDED, paid)));
    // If there is an outbox row, it determines the event's order and type.
    breaks(7, &["is not built"], |facts| {
        unbuilt(facts, discarded(GROUP, BUILT, paid));
        let row = facts.outbox[0].clone();
        facts.outbox.push(OutboxRow { event: paid, ..row });
    });
    breaks(2, &["charged 2 times"], |facts| {
        miss(facts, "payment", REFUNDED, OrderCancelled::TYPE);
        charge_again(facts);
        forget_rows(facts, REFUNDED);
    });
}
