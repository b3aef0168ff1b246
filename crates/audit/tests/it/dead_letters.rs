//! The dead-letter topics hold just the poison that was sent.

use audit::{
    Facts, Verdict,
    facts::{DeadLetter, Poison},
};
use events::{Event as _, OrderPaid};
use uuid::Uuid;

use crate::shop::{BUILT, breaks, event, finding, holds, inbox, shop};

const GROUPS: [&str; 2] = ["assembly-group-order-paid", "notification-group-order-paid"];

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

fn sent(facts: &mut Facts) {
    facts.poison = Some(vec![Poison { topic: "order.paid".to_owned(), partition: 3, offset: 9 }]);
}

#[test]
fn poison_that_was_sent_is_with_the_dead_letters_of_every_consumer() {
    let found = holds(8, |facts| {
        sent(facts);
        facts.dead_letters[1].letters.extend(GROUPS.map(|group| letter(group, None)));
    });
    assert!(found.counted.iter().any(|count| count.of == "poison records" && count.count == 1), "{found:?}");

    breaks(8, &["poison order.paid/3/9", "notification-group-order-paid has not dead-lettered it"], |facts| {
        sent(facts);
        facts.dead_letters[1].letters.push(letter(GROUPS[0], None));
    });
}

#[test]
fn a_dead_letter_is_no_poison_that_was_sent() {
    breaks(8, &["is no poison that was sent"], |facts| {
        facts.poison = Some(Vec::new());
        facts.dead_letters[1].letters.push(letter(GROUPS[0], None));
    });
}

#[test]
fn what_others_sent_is_noted_where_nobody_knows_what_was_sent() {
    let found = holds(8, |facts| facts.dead_letters[1].letters.push(letter(GROUPS[0], None)));

    assert!(found.notes.iter().any(|note| note.contains("1 dead letters are no events of this shop")), "{found:?}");
}

#[test]
fn an_event_of_ours_is_among_the_dead_letters() {
    let event = event(BUILT, OrderPaid::TYPE);
    breaks(8, &["is the events.v1.OrderPaid of order", "did not handle"], |facts| {
        inbox(facts, GROUPS[0]).rows.retain(|row| row.event != event);
        facts.dead_letters[1].letters.push(letter(GROUPS[0], Some(event)));
    });
}

#[test]
fn an_event_that_was_replayed_is_dead_no_more() {
    let event = event(BUILT, OrderPaid::TYPE);
    holds(8, |facts| facts.dead_letters[1].letters.push(letter(GROUPS[0], Some(event))));
}

#[test]
fn dead_letter_topics_that_were_not_read_are_not_passed_over() {
    let mut facts = shop();
    facts.dead_letters.pop();

    let found = finding(&facts, 8);

    assert_eq!(found.verdict, Verdict::NothingToCheck, "{found:?}");
    assert_eq!(found.missing, ["4 of 5 dead-letter topics were read"]);
}
