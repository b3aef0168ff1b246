//! The dead-letter topics contain exactly the poison that was sent.

use audit::{
    Facts, Verdict,
    facts::{DeadLetter, Discarded, OrderStatus, Poison},
};
use contracts::events::{Consumer, OrderPaid, Published as _};
use uuid::Uuid;

use crate::fixture::{BUILT, REFUNDED, breaks, event, finding, holds, inbox, shop, the, then};

const CONSUMERS: &[Consumer] = OrderPaid::ROUTE.consumers;
/// The group of the first consumer.
const GROUP: &str = CONSUMERS[0].group;

fn letter(group: &str, event: Option<Uuid>) -> DeadLetter {
    DeadLetter {
        id: "order.paid.dlq/0/0".to_owned(),
        topic: "order.paid".to_owned(),
        partition: 3,
        offset: 9,
        group: group.to_owned(),
        event,
        error: "not a protobuf message".to_owned(),
    }
}

/// Returns the letters of the topic of `OrderPaid`.
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
fn a_dead_letter_is_no_poison_that_was_sent() {
    breaks(8, &["is no poison that was sent"], |facts| {
        facts.poison = Some(Vec::new());
        letters(facts).push(letter(GROUP, None));
    });
}

#[test]
fn what_others_sent_is_noted_where_nobody_knows_what_was_sent() {
    let found = holds(8, |facts| letters(facts).push(letter(GROUP, None)));

    assert!(found.notes.iter().any(|note| note.contains("1 dead letters are no events of this shop")), "{found:?}");
}

#[test]
fn an_event_of_ours_is_among_the_dead_letters() {
    let event = event(BUILT, OrderPaid::TYPE);
    breaks(8, &["is the events.v1.OrderPaid of order", "did not handle"], |facts| {
        inbox(facts, GROUP).rows.retain(|row| row.event != event);
        letters(facts).push(letter(GROUP, Some(event)));
    });
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

/// Makes the assembly service miss the event that the order is paid, whose dead letter an operator has discarded.
fn discard(facts: &mut Facts, order: Uuid) {
    let event = event(order, OrderPaid::TYPE);
    inbox(facts, GROUP).rows.retain(|row| row.event != event);
    facts.builds.retain(|build| build.order != order);
    letters(facts).push(letter(GROUP, Some(event)));
    facts.discarded.push(Discarded {
        letter: "order.paid.dlq/0/0".to_owned(),
        group: GROUP.to_owned(),
        event: Some(event),
        order: Some(order),
        who: "ann".to_owned(),
        why: "built by hand".to_owned(),
        at: then(),
    });
}

#[test]
fn a_letter_that_was_discarded_is_dealt_with() {
    let found = holds(8, |facts| discard(facts, BUILT));

    assert!(found.notes.iter().any(|note| note.contains("1 dead letters were discarded")), "{found:?}");
}

#[test]
fn what_follows_from_a_discarded_letter_is_told_and_breaks_nothing() {
    let paid = |facts: &mut Facts| {
        discard(facts, BUILT);
        let order = facts.orders.iter_mut().find(|order| order.uuid == BUILT).unwrap();
        order.status = OrderStatus::Paid;
    };

    let (effects, bounds) = (holds(5, |facts| discard(facts, BUILT)), holds(7, paid));

    for (found, what) in [(effects, "has dead-lettered it"), (bounds, "is not built")] {
        let told = "waived, since ann discarded order.paid.dlq/0/0 (built by hand)";
        assert!(found.notes.iter().any(|note| note.starts_with(told) && note.contains(what)), "{found:?}");
    }
}

#[test]
fn what_does_not_follow_from_a_discarded_letter_breaks_its_invariant_all_the_same() {
    // The missing event is that of another order.
    breaks(5, &["has not handled it"], |facts| {
        discard(facts, BUILT);
        let other = event(REFUNDED, OrderPaid::TYPE);
        inbox(facts, GROUP).rows.retain(|row| row.event != other);
    });
    // The missing event is that of another consumer.
    breaks(5, &["notification-group-order-paid has not handled it"], |facts| {
        discard(facts, BUILT);
        let event = event(BUILT, OrderPaid::TYPE);
        inbox(facts, CONSUMERS[1].group).rows.retain(|row| row.event != event);
    });
    // The discarded event does not explain a second charge of the order.
    breaks(2, &["charged 2 times"], |facts| {
        discard(facts, BUILT);
        let again = facts.ledger.iter().find(|entry| entry.order == BUILT).unwrap().clone();
        facts.ledger.push(audit::facts::Entry { key: "again".to_owned(), ..again });
    });
}
