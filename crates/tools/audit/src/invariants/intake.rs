//! Invariant 13: Every consumed record of an order of another shop is a dead letter, or the order is stored once, with
//! the content of its first record.

use std::collections::HashMap;

use crate::{
    Facts, Finding,
    facts::{IntakeOrder, IntakeRecord, Unread},
    report::Check,
};

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(13, "each order of the stream is kept once, as it first came");
    let intake = &facts.intake;
    if intake.partitions == 0 {
        check.missing("the topic of orders was not read".to_owned());
    }
    let mut kept: HashMap<&str, &IntakeOrder> = HashMap::with_capacity(intake.orders.len());
    for order in &intake.orders {
        if kept.insert(&order.uid, order).is_some() {
            check.broken_by(format!("order {}", order.uid), "is kept more than once");
        }
    }
    let records = intake.records.iter().filter(|one| !intake.letters.contains(&(one.partition, one.offset)));
    let problems: Vec<(&IntakeRecord, &str)> =
        records.filter_map(|record| problem(record, &kept).map(|problem| (record, problem))).collect();
    // Each of these records may have been a dead letter that was pruned, unless there are more records than pruned
    // letters.
    let (unknown, pruned) = (problems.len(), intake.letters_pruned);
    if unknown > pruned {
        for (record, problem) in problems {
            check.broken_by(row(record), problem);
        }
    }
    for unread in &intake.unread {
        unread_records(facts, unread, &mut check);
    }
    if unknown > 0 && pruned > 0 {
        let at_most = unknown.min(pruned);
        check.note(format!(
            "{unknown} records are not kept; {at_most} of them may have been dead letters that are pruned"
        ));
    }
    check.counted("partitions of orders", intake.partitions);
    check.counted("records of orders", intake.records.len());
    check.counted("orders of the stream", intake.orders.len());
    check.end()
}

/// Checks the records after the consumer's committed offset. Some may be in progress.
fn unread_records(facts: &Facts, unread: &Unread, check: &mut Check) {
    let Unread { partition, count, expired, since } = unread;
    let place = || format!("partition {partition}");
    if *expired > 0 {
        check.broken_by(place(), format!("lost {expired} records, which expired before they were consumed"));
    }
    match since {
        None => check.broken_by(place(), format!("has {count} records from one on that cannot be read")),
        Some(since) if facts.at.signed_duration_since(since).to_std().is_ok_and(|waits| waits > facts.bounds.grace) => {
            check.broken_by(place(), format!("has {count} records that are not consumed, since {since}"));
        }
        Some(_) => {}
    }
}

/// Returns why a consumed record that is not a dead letter violates the invariant; `None` if its order is stored with
/// its content, or was erased.
fn problem(record: &IntakeRecord, kept: &HashMap<&str, &IntakeOrder>) -> Option<&'static str> {
    let Some((uid, content)) = &record.order else {
        return Some("was consumed, and is neither an order nor a dead letter");
    };
    match kept.get(uid.as_str()) {
        None => Some("was consumed, and its order is not kept"),
        // An erased order is stored without its content.
        Some(IntakeOrder { content: None, .. }) => None,
        Some(IntakeOrder { content: Some(own), .. }) if own == content => None,
        Some(_) => Some("was consumed, and the order that is kept has another content"),
    }
}

fn row(record: &IntakeRecord) -> String {
    let place = format!("record {}/{}", record.partition, record.offset);
    record.order.as_ref().map_or_else(|| place.clone(), |(uid, _)| format!("{place} of order {uid}"))
}
