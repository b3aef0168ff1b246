//! Invariant 4: Every outbox row reached its topic, and every event in a topic has an outbox row.

use std::collections::{HashMap, HashSet};

use contracts::events::{ROUTES, Route, route_of};
use uuid::Uuid;

use crate::{
    Facts, Finding,
    facts::{Log, OutboxRow, Record},
    report::Check,
    violation::{Cause, Row},
};

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(4, "every outbox row reached its topic, every event has its row");
    // A topic without consumers in this shop is created with its first record.
    let expected = |route: &Route| {
        !route.consumers.is_empty()
            || facts.outbox.iter().any(|row| row.kind == route.kind && row.published_at.is_some())
    };
    for route in ROUTES.iter().filter(|route| facts.log_of(route.kind).is_none() && expected(route)) {
        check.missing(format!("the topic of {} was not read", route.kind));
    }
    // An event that a consumer handled or dead-lettered was published.
    let handled = facts.inboxes.iter().flat_map(|inbox| &inbox.rows).map(|received| received.event);
    let dead = facts.letters().filter_map(|letter| letter.event);
    let discarded = facts.discarded.iter().filter_map(|letter| letter.event);
    let taken: HashSet<Uuid> = handled.chain(dead).chain(discarded).collect();
    let mut found = Found::default();
    for log in &facts.logs {
        let published: HashSet<Uuid> = log.records.iter().filter_map(|record| record.event).collect();
        for row in facts.outbox.iter().filter(|row| row.kind == log.kind) {
            if !set_aside(row, facts, &mut found, &mut check) {
                reached(row, log, &published, &taken, &mut found, &mut check);
            }
        }
    }
    for row in facts.outbox.iter().filter(|row| route_of(&row.kind).is_none()) {
        if !set_aside(row, facts, &mut found, &mut check) {
            check.broken_by(name(row), format!("is of the unknown type {}", row.kind));
        }
    }
    origins(facts, &mut found, &mut check);
    check.counted("outbox rows found in their topics", found.in_topic);
    check.counted("found with a consumer", found.with_a_consumer);
    check.counted("records of events", found.records);
    check.counted("dead-lettered records", found.dead);
    check.counted("outbox rows set aside", found.set_aside);
    if found.with_a_consumer > 0 {
        check.note(format!(
            "{} outbox rows are older than what the topics hold: that a consumer has handled or dead-lettered each shows that it was published",
            found.with_a_consumer
        ));
    }
    check.end()
}

#[derive(Default)]
struct Found {
    in_topic: usize,
    with_a_consumer: usize,
    records: usize,
    dead: usize,
    set_aside: usize,
}

/// Returns true for a row that a relay has set aside. After the grace period that is a violation: only an upgrade or an
/// operator makes the relay publish the row.
fn set_aside(row: &OutboxRow, facts: &Facts, found: &mut Found, check: &mut Check) -> bool {
    let Some(since) = row.set_aside_at.filter(|_| row.published_at.is_none()) else { return false };
    found.set_aside += 1;
    if facts.at.signed_duration_since(since).to_std().is_ok_and(|waits| waits > facts.bounds.grace) {
        let why = if route_of(&row.kind).is_none() {
            "no topic is known for it"
        } else {
            "the broker refuses it or its topic, or it is behind an event of its key that is set aside"
        };
        check.broken_by(name(row), format!("is set aside in the outbox of {} since {since}: {why}", row.service));
    }
    true
}

fn name(row: &OutboxRow) -> Row {
    let cause = Cause::Event { event: row.event, group: None };
    Row::of_order(format_args!("{} {}", row.kind, row.event), row.key).because(cause)
}

fn reached(
    row: &OutboxRow,
    log: &Log,
    published: &HashSet<Uuid>,
    taken: &HashSet<Uuid>,
    found: &mut Found,
    check: &mut Check,
) {
    let Some(at) = row.published_at else {
        check.broken_by(
            name(row),
            format!("is in the outbox of {} since {} and not published", row.service, row.created_at),
        );
        return;
    };
    if published.contains(&row.event) {
        found.in_topic += 1;
    } else if log.complete_since.is_none_or(|since| at >= since) {
        check.broken_by(name(row), format!("is marked as published at {at}, and is not in {}", log.topic));
    } else if taken.contains(&row.event) {
        found.with_a_consumer += 1;
    } else if route_of(&row.kind).is_none_or(|route| !route.consumers.is_empty()) {
        check.broken_by(name(row), format!("is older than what {} holds, and no consumer has it", log.topic));
    }
}

/// Checks that every record has an outbox row, or is known poison.
fn origins(facts: &Facts, found: &mut Found, check: &mut Check) {
    let rows = facts.outbox_by_event();
    let current = facts.letters().filter(|letter| letter.is_current);
    let dead: HashSet<(&str, i32, i64)> =
        current.map(|letter| (letter.topic.as_str(), letter.partition, letter.offset)).collect();
    for log in &facts.logs {
        for record in &log.records {
            let Record { partition, offset, key, event, .. } = record;
            let row = || {
                let cause = event.map_or(Cause::Unknown, |event| Cause::Event { event, group: None });
                Row::about(*key, format_args!("record {}/{partition}/{offset}", log.topic)).because(cause)
            };
            match written(log, record, &rows) {
                Written::As(key) if record.key == Some(key) => found.records += 1,
                Written::As(key) => {
                    check.broken_by(row(), format!("is about order {key}, and its key is {:?}", record.key));
                }
                Written::Not if dead.contains(&(log.topic.as_str(), record.partition, record.offset)) => {
                    found.dead += 1;
                }
                Written::Not if facts.may_be_forgotten(record.at) => {}
                Written::Not => {
                    let event = record.event.map_or_else(|| "without a uuid".to_owned(), |event| event.to_string());
                    let kind = record.kind.as_deref().unwrap_or("an event without a type");
                    check.broken_by(row(), format!("is {kind} {event}, and no outbox has such a row"));
                }
            }
        }
    }
}

enum Written {
    /// The event is in an outbox, with this UUID as its key.
    As(Uuid),
    Not,
}

fn written(log: &Log, record: &Record, rows: &HashMap<Uuid, &OutboxRow>) -> Written {
    let row = record.event.and_then(|event| rows.get(&event));
    let same_kind =
        |row: &&&OutboxRow| row.kind == log.kind && record.kind.as_ref().is_none_or(|kind| *kind == row.kind);
    row.filter(same_kind).map_or(Written::Not, |row| Written::As(row.key))
}
