//! Every outbox row reached its topic, and every event in a topic has its row.

use std::time::Duration;

use audit::{
    Count, Facts, Verdict,
    facts::{DeadLetter, OutboxRow, Record, kind},
};
use chrono::{DateTime, Utc};
use contracts::events::{AssemblyFailed, OrderCreated, OrderPaid, Published as _};
use uuid::Uuid;

use crate::{
    fixture::{BUILT, OPEN, REFUNDED, discarded, event, inbox, letter, log, now, the, then},
    invariant::{Invariant, breaks, finding, holds},
    shop::shop,
};

const GROUP: &str = "assembly-group-order-paid";

#[test]
fn rows_without_records_and_records_without_rows_are_found() {
    let row = format!("events.v1.OrderCreated {} of order {OPEN}: ", event(OPEN, OrderCreated::TYPE));
    Invariant(4).is_broken_by(&[
        (&[&row, "is in the outbox of order", "not published"], &|facts| {
            the(&mut facts.outbox, |row| row.key == OPEN).published_at = None;
        }),
        (&["is marked as published", "is not in order.paid"], &|facts| {
            log(facts, OrderPaid::TYPE).records.retain(|record| record.key != Some(BUILT));
        }),
        (&["record order.paid/0/0", "no outbox has such a row"], &|facts| {
            facts.outbox.retain(|row| row.event != event(BUILT, OrderPaid::TYPE));
        }),
        (&["record order.paid/0/2", "no outbox has such a row"], &|facts| {
            let mut record = log(facts, OrderCreated::TYPE).records[0].clone();
            record.offset = 2;
            log(facts, OrderPaid::TYPE).records.push(record);
        }),
        (&["and its key is"], &|facts| log(facts, OrderPaid::TYPE).records[0].key = Some(OPEN)),
        (&["is of the unknown type events.v1.Unheard"], &|facts| facts.outbox[0].kind = kind("events.v1.Unheard")),
        (&["no outbox has such a row"], &|facts| {
            log(facts, OrderPaid::TYPE).records[0].event = Some(Uuid::from_u128(99));
        }),
    ]);
    Invariant(4).holds_though(&[
        ("an event that is published again is no other event", &|facts| {
            let again = log(facts, OrderPaid::TYPE).records[0].clone();
            log(facts, OrderPaid::TYPE).records.push(Record { offset: 9, ..again });
        }),
        ("an old event has lost its row by right", &|facts| {
            facts.outbox.retain(|row| row.event != event(BUILT, OrderPaid::TYPE));
            facts.kept_since = Some(now());
        }),
    ]);
}

#[test]
fn poison_is_accounted_for_by_its_dead_letter() {
    let poison = Record { partition: 3, offset: 9, event: None, kind: None, key: None, at: then() };
    breaks(4, &["record order.paid/3/9", "an event without a type without a uuid"], |facts| {
        log(facts, OrderPaid::TYPE).records.push(poison.clone());
    });

    let found = holds(4, |facts| {
        log(facts, OrderPaid::TYPE).records.push(poison.clone());
        facts.dead_letters[0].letters.push(letter(GROUP, None));
    });
    // The letter is of a record that had this offset before the topic was created again.
    breaks(4, &["record order.paid/3/9"], |facts| {
        log(facts, OrderPaid::TYPE).records.push(poison.clone());
        facts.dead_letters[0].letters.push(DeadLetter { is_current: false, ..letter(GROUP, None) });
    });
    assert!(found.counted.iter().any(|count| count.of == "dead-lettered records" && count.count == 1), "{found:?}");
}

#[test]
fn what_a_topic_no_longer_holds_is_shown_by_a_consumer() {
    let found = holds(4, |facts| {
        for log in &mut facts.logs {
            log.records.clear();
            log.complete_since = Some(then() + Duration::from_secs(1));
        }
    });
    assert!(found.notes.iter().any(|note| note.contains("older than what the topics hold")), "{found:?}");

    breaks(4, &["no consumer has it"], |facts| {
        let paid = log(facts, OrderPaid::TYPE);
        paid.records.clear();
        paid.complete_since = Some(now());
        for consumer in OrderPaid::ROUTE.consumers {
            inbox(facts, consumer.group).rows.clear();
        }
    });
}

#[test]
fn what_a_topic_no_longer_holds_is_shown_by_a_dead_letter_too() {
    let failed = event(REFUNDED, AssemblyFailed::TYPE);
    let expired = |facts: &mut Facts| {
        let log = log(facts, AssemblyFailed::TYPE);
        log.records.clear();
        log.complete_since = Some(now());
        for consumer in AssemblyFailed::ROUTE.consumers {
            inbox(facts, consumer.group).rows.clear();
        }
    };
    let letter = |event| letter(GROUP, event);
    let discarded = |event: Option<Uuid>| discarded(GROUP, REFUNDED, event);

    holds(4, |facts| {
        expired(facts);
        facts.dead_letters[0].letters.push(letter(Some(failed)));
    });
    // The letter was pruned after it was discarded.
    holds(4, |facts| {
        expired(facts);
        facts.discarded.push(discarded(Some(failed)));
    });
    // Letters of other events prove nothing.
    breaks(4, &["events.v1.AssemblyFailed", "no consumer has it"], |facts| {
        expired(facts);
        let other = event(BUILT, OrderPaid::TYPE);
        facts.dead_letters[0].letters.extend([letter(None), letter(Some(other))]);
        facts.discarded.extend([discarded(None), discarded(Some(other))]);
    });
    // A letter does not prove that the record is in a topic that is complete for that time.
    breaks(4, &["is marked as published"], |facts| {
        expired(facts);
        log(facts, AssemblyFailed::TYPE).complete_since = None;
        facts.dead_letters[0].letters.push(letter(Some(failed)));
    });
}

#[test]
fn what_is_set_aside_is_counted_and_breaks_the_invariant_once_it_waits_too_long() {
    let aside = |since: DateTime<Utc>| {
        move |facts: &mut Facts| {
            let row = the(&mut facts.outbox, |row| row.key == OPEN).clone();
            let row = OutboxRow { published_at: None, set_aside_at: Some(since), ..row };
            let unheard = OutboxRow { event: Uuid::from_u128(1), kind: kind("events.v1.Unheard"), ..row.clone() };
            let behind = OutboxRow { event: Uuid::from_u128(2), kind: kind(OrderPaid::TYPE), ..row };
            facts.outbox.extend([unheard, behind]);
        }
    };

    let mut facts = shop();
    aside(now())(&mut facts);
    let young = finding(&facts, 4);
    assert_eq!(young.violations, []);
    assert!(young.counted.contains(&Count { of: "outbox rows set aside", count: 2 }), "{young:?}");

    breaks(4, &["events.v1.Unheard", "is set aside in the outbox of order", "no topic is known"], aside(then()));
    let known = "the broker refuses it or its topic, or it is behind an event of its key that is set aside";
    breaks(4, &["events.v1.OrderPaid", "is set aside in the outbox of order", known], aside(then()));
}

#[test]
fn what_was_set_aside_and_is_published_is_a_row_like_any_other() {
    let found = holds(4, |facts| facts.outbox[0].set_aside_at = Some(then()));

    assert!(found.counted.contains(&Count { of: "outbox rows set aside", count: 0 }), "{found:?}");
}

#[test]
fn a_topic_that_was_not_read_is_not_passed_over() {
    let mut facts = shop();
    facts.logs.retain(|log| log.kind != OrderPaid::TYPE);

    let found = finding(&facts, 4);

    assert_eq!(found.verdict, Verdict::NothingToCheck, "{found:?}");
    assert_eq!(found.missing, ["the topic of events.v1.OrderPaid was not read"]);
}
