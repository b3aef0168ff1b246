//! Invariant 8: The dead-letter topics contain exactly the poison that was sent.

use std::collections::HashSet;

use contracts::events::ROUTES;

use crate::{
    Facts, Finding,
    facts::{DeadLetter, Poison},
    report::Check,
    violation::Row,
};

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(8, "the dead-letter topics hold the poison that was sent, and nothing else");
    let read = facts.dead_letters.len();
    // Each consumed event type has a topic of its own.
    let consumed = ROUTES.iter().filter(|route| !route.consumers.is_empty()).count();
    if read < consumed {
        check.missing(format!("{read} of {consumed} dead-letter topics were read"));
    }
    let rows = facts.outbox_by_event();
    let sent: Option<HashSet<(&str, i32, i64)>> =
        facts.poison.as_ref().map(|poison| poison.iter().map(place).collect());
    let (mut others, mut discarded) = (0, 0);
    for letter in facts.letters() {
        let DeadLetter { topic, partition, offset, group, error, .. } = letter;
        if facts.discarded.iter().any(|discarded| discarded.is(letter)) {
            discarded += 1;
            continue;
        }
        let ours = letter.event.and_then(|event| rows.get(&event));
        let row = Row::about(ours.map(|event| event.key), format_args!("letter {}", letter.id));
        match (&sent, ours) {
            (_, Some(event)) if !taken(facts, letter) => {
                check.broken_by(
                    row,
                    format!("is the {} of order {}, which {group} did not handle: {error}", event.kind, event.key),
                );
            }
            (Some(sent), None) if !sent.contains(&(topic.as_str(), *partition, *offset)) => {
                check.broken_by(row, format!("is no poison that was sent: {group}: {error}"));
            }
            (None, None) => others += 1,
            _ => {}
        }
    }
    buried(facts, &mut check);
    check.counted("dead-letter topics", read);
    check.counted("dead letters", facts.letters().count());
    if discarded > 0 {
        check.note(format!("{discarded} dead letters were discarded; `shipyard dlq list --all` shows by whom and why"));
    }
    if others > 0 {
        check.note(format!(
            "{others} dead letters are no events of this shop, or older than its rows; `shipyard dlq list` shows them"
        ));
    }
    check.end()
}

fn place(poison: &Poison) -> (&str, i32, i64) {
    (poison.topic.as_str(), poison.partition, poison.offset)
}

/// Returns true if the consumer handled the event later, after a replay.
fn taken(facts: &Facts, letter: &DeadLetter) -> bool {
    let own = facts.inboxes.iter().filter(|inbox| inbox.consumer == letter.group);
    own.flat_map(|inbox| &inbox.rows).any(|row| Some(row.event) == letter.event)
}

/// Checks that each consumer of a topic has dead-lettered every poison message in it.
fn buried(facts: &Facts, check: &mut Check) {
    let Some(poison) = &facts.poison else { return };
    let letters: HashSet<(&str, i32, i64, &str)> = facts
        .letters()
        .map(|letter| (letter.topic.as_str(), letter.partition, letter.offset, letter.group.as_str()))
        .collect();
    for poison in poison {
        let (topic, partition, offset) = place(poison);
        let kind = facts.logs.iter().find(|log| log.topic == topic).map(|log| &log.kind);
        let consumers = ROUTES.iter().filter(|route| kind.is_some_and(|kind| *kind == route.kind));
        for consumer in consumers.flat_map(|route| route.consumers) {
            if !letters.contains(&(topic, partition, offset, consumer.group)) {
                check.broken_by(
                    format!("poison {topic}/{partition}/{offset}"),
                    format!("was sent, and {} has not dead-lettered it", consumer.group),
                );
            }
        }
    }
    check.counted("poison records", poison.len());
}
