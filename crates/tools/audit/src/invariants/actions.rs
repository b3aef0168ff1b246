//! Invariant 14: The log of operators' actions is unaltered. Each row of the chain has the hash of its content and of
//! the hash of the row before, and the row of each checkpoint has the hash that was signed.

use std::collections::HashMap;

use crate::{
    Facts, Finding,
    facts::{Action, ActionLog, Checkpoint, Link, Signature},
    report::Check,
};

const UNCHAINED: &str = "is not in the chain: it was inserted by hand, or by a replica of the release before";

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(14, "the log of operators' actions is as it was written");
    let Some(log) = &facts.action_log else {
        check.missing("the log of operators' actions was not read".to_owned());
        return check.end();
    };
    // The rows of earlier versions come first.
    let earlier = log.actions.iter().position(|action| action.link.is_some()).unwrap_or(log.actions.len());
    let (before, chained) = log.actions.split_at(earlier);
    if let (Some(last), Some(first)) = (before.last(), chained.first()) {
        let (last, first) = (last.id, first.id);
        check.note(format!(
            "the chain of operators' actions begins with action {first}; those up to {last} are not in it"
        ));
    }
    links(log, chained, &mut check);
    checkpoints(log, &mut check);
    // An invariant that counts nothing does not hold. The end is counted so that a shop in which no operator has acted
    // passes.
    check.counted("end of the chain", 1);
    check.counted("operators' actions", log.actions.len());
    check.counted("checkpoints", log.checkpoints.len());
    check.end()
}

/// Follows the chain from its first row to its end.
fn links(log: &ActionLog, chained: &[Action], check: &mut Check) {
    let linked: Vec<(i64, &Link)> =
        chained.iter().filter_map(|action| Some((action.id, action.link.as_ref()?))).collect();
    for action in chained.iter().filter(|action| action.link.is_none()) {
        check.broken_by(row(action.id), UNCHAINED);
    }
    for (id, link) in linked.iter().filter(|(_, link)| link.computed != link.hash) {
        check.broken_by(row(*id), format!("was edited: its content has the hash {}, not {}", link.computed, link.hash));
    }
    // The number of linked rows up to the one with this hash.
    let mut places: HashMap<&str, usize> = HashMap::from([("", 0)]);
    let ends = linked.iter().map(|(id, link)| (Some((*id, *link)), link.previous.as_str()));
    for (place, (next, previous)) in ends.chain([(None, log.last.as_str())]).enumerate() {
        match places.get(previous) {
            Some(follows) => {
                for (id, _) in linked.iter().take(place).skip(*follows) {
                    check.broken_by(row(*id), "was inserted: the chain goes on from the row before it");
                }
            }
            // A row that was edited may have lost the hash of the row before, too.
            None if next.is_some_and(|(_, link)| link.computed != link.hash) => {}
            None => removed(
                next.map(|(id, _)| id),
                place.checked_sub(1).and_then(|last| linked.get(last)).map(|(id, _)| *id),
                check,
            ),
        }
        if let Some((_, link)) = next {
            places.insert(&link.hash, place + 1);
            // The hash itself may have been edited.
            places.insert(&link.computed, place + 1);
        }
    }
}

/// Reports that rows are missing between two rows, or at an end.
fn removed(next: Option<i64>, last: Option<i64>, check: &mut Check) {
    match (last, next) {
        (Some(last), Some(next)) => {
            let problem = format!("the row before it was removed, or replaced: it does not follow action {last}");
            check.broken_by(row(next), problem);
        }
        (None, Some(next)) => check.broken_by(row(next), "the rows before it were removed: the chain began before it"),
        (Some(last), None) => {
            check.broken_by(row(last), "the rows after it were removed, or it was replaced: the chain went on");
        }
        (None, None) => check.broken_by("the log of operators' actions", "all its rows were removed"),
    }
}

/// Compares the rows with their checkpoints.
fn checkpoints(log: &ActionLog, check: &mut Check) {
    let actions: HashMap<i64, &Action> = log.actions.iter().map(|action| (action.id, action)).collect();
    let last = log.actions.last().map_or(0, |action| action.id);
    for Checkpoint { action: id, hash, at, signature } in &log.checkpoints {
        let name = format!("checkpoint of action {id} at {at}");
        match signature {
            Signature::Valid => {}
            Signature::Invalid => check.broken_by(&name, "was edited: its signature is not valid"),
            Signature::OtherKey(key) => {
                check.broken_by(&name, format!("is signed with {key}, a key that the shop does not have"));
            }
            Signature::NotVerified(why) => check.note(format!("the {name} {why}")),
        }
        match actions.get(id) {
            None if *id > last => {
                check.broken_by(name, "the log was cut off before it: its row and all later ones are missing");
            }
            None => check.broken_by(name, "its row is missing"),
            Some(action) if action.link.as_ref().is_none_or(|link| link.hash != *hash) => {
                check.broken_by(name, "its row has another hash: the chain was rewritten after it");
            }
            Some(_) => {}
        }
    }
}

fn row(id: i64) -> String {
    format!("action {id}")
}
