//! Each order of the topic is stored once, with the content of its first record.

use audit::{
    Facts,
    facts::{Intake, IntakeOrder, IntakeRecord, Unread},
};

use crate::invariant::{Invariant, breaks, holds};

/// Adds two orders, the first of which arrived twice, and two dead letters.
fn stream(facts: &mut Facts) {
    let kept = |uid: &str, content| IntakeOrder { uid: uid.to_owned(), content: Some(content) };
    let record = |offset, order: Option<(&str, u64)>| IntakeRecord {
        partition: 0,
        offset,
        order: order.map(|(uid, content)| (uid.to_owned(), content)),
    };
    facts.intake = Intake {
        partitions: 3,
        orders: vec![kept("a", 1), kept("b", 2)],
        records: vec![
            record(0, Some(("a", 1))),
            record(1, Some(("b", 2))),
            record(2, Some(("a", 1))),
            record(3, Some(("b", 9))),
            record(4, None),
        ],
        unread: Vec::new(),
        letters: [(0, 3), (0, 4)].into(),
        letters_pruned: 0,
    };
}

#[test]
fn an_order_that_is_missing_or_spoilt_or_there_twice_breaks_it() {
    let unread = |since, expired| Unread { partition: 2, count: 250, expired, since };
    Invariant(13).is_broken_by(&[
        (&["record 0/1 of order b", "its order is not kept"], &|facts| {
            stream(facts);
            facts.intake.orders.pop();
        }),
        (&["record 0/0 of order a", "another content"], &|facts| {
            stream(facts);
            facts.intake.orders[0].content = Some(7);
        }),
        (&["order a", "is kept more than once"], &|facts| {
            stream(facts);
            facts.intake.orders.push(facts.intake.orders[0].clone());
        }),
        (&["record 0/4", "neither an order nor a dead letter"], &|facts| {
            stream(facts);
            facts.intake.letters.remove(&(0, 4));
        }),
        (&["record 0/3 of order b", "another content"], &|facts| {
            stream(facts);
            facts.intake.letters.remove(&(0, 3));
        }),
        (&["partition 2", "250 records", "cannot be read"], &|facts| facts.intake.unread = vec![unread(None, 0)]),
        (&["partition 2", "250 records that are not consumed"], &|facts| {
            facts.intake.unread = vec![unread(Some(facts.at - facts.bounds.grace * 2), 0)];
        }),
        (&["partition 2", "lost 15 records"], &|facts| facts.intake.unread = vec![unread(Some(facts.at), 15)]),
    ]);
    Invariant(13).holds_though(&[
        ("there may be no orders", &|_| {}),
        ("a repeat and dead letters break nothing", &stream),
        ("records may wait for a while", &|facts| {
            facts.intake.unread = vec![unread(Some(facts.at), 0)];
        }),
    ]);
}

#[test]
fn an_erased_order_and_pruned_letters_break_nothing() {
    holds(13, |facts| {
        stream(facts);
        facts.intake.orders[0].content = None;
    });
    let found = holds(13, |facts| {
        stream(facts);
        facts.intake.letters.clear();
        facts.intake.letters_pruned = 2;
    });
    assert!(found.notes.iter().any(|note| note.starts_with("2 records are not kept")), "{found:?}");
}

#[test]
fn more_records_that_are_missing_than_pruned_letters_break_it() {
    for text in ["record 0/1 of order b", "record 0/3 of order b", "record 0/4"] {
        breaks(13, &[text], |facts| {
            stream(facts);
            facts.intake.orders.pop();
            facts.intake.letters.clear();
            facts.intake.letters_pruned = 2;
        });
    }
}
