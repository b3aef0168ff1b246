//! The chain of the log of operators' actions, and its checkpoints.

use audit::{
    Facts,
    facts::{Action, ActionLog, Checkpoint, Link, Signature},
};

use crate::{
    fixture::then,
    invariant::{Invariant, breaks, finding, holds},
    shop::shop,
};

fn link(previous: &str, hash: &str) -> Link {
    Link { previous: previous.to_owned(), hash: hash.to_owned(), computed: hash.to_owned() }
}

/// Adds a row of an earlier version, a chain of three rows, and a checkpoint of the second.
fn log(facts: &mut Facts) -> &mut ActionLog {
    let links = [None, Some(link("", "a")), Some(link("a", "b")), Some(link("b", "c"))];
    let actions = (1..).zip(links).map(|(id, link)| Action { id, link }).collect();
    let checkpoint = Checkpoint { action: 3, hash: "b".to_owned(), at: then(), signature: Signature::Valid };
    facts.action_log.insert(ActionLog { actions, checkpoints: vec![checkpoint], last: "c".to_owned() })
}

#[test]
fn a_row_that_is_edited_removed_inserted_or_cut_off_breaks_it() {
    Invariant(14).is_broken_by(&[
        (&["action 3", "was edited"], &|facts| {
            log(facts).actions[2].link.as_mut().unwrap().computed = "x".to_owned();
        }),
        // Its hash was computed anew.
        (&["action 4", "the row before it was removed, or replaced"], &|facts| {
            log(facts).actions[2].link = Some(link("a", "x"));
        }),
        (&["checkpoint of action 3", "another hash"], &|facts| {
            let log = log(facts);
            log.actions[2].link = Some(link("a", "x"));
            log.actions[3].link = Some(link("x", "y"));
            log.last = "y".to_owned();
        }),
        (&["action 4", "the row before it was removed"], &|facts| drop(log(facts).actions.remove(2))),
        (&["checkpoint of action 3", "its row is missing"], &|facts| drop(log(facts).actions.remove(2))),
        (&["action 3", "the rows before it were removed"], &|facts| drop(log(facts).actions.remove(1))),
        (&["action 3", "was inserted"], &|facts| {
            let log = log(facts);
            log.actions[2].link = Some(link("a", "x"));
            log.actions[3].link = Some(link("a", "c"));
        }),
        (&["action 5", "was inserted"], &|facts| log(facts).actions.push(Action { id: 5, link: Some(link("c", "d")) })),
        (&["action 5", "is not in the chain"], &|facts| log(facts).actions.push(Action { id: 5, link: None })),
        (&["action 3", "the rows after it were removed"], &|facts| drop(log(facts).actions.pop())),
        (&["checkpoint of action 3", "the log was cut off before it"], &|facts| {
            let log = log(facts);
            log.actions.truncate(2);
            log.last = "a".to_owned();
        }),
        (&["the log of operators' actions", "all its rows were removed"], &|facts| log(facts).actions.clear()),
        (&["checkpoint of action 3", "its signature is not valid"], &|facts| {
            log(facts).checkpoints[0].signature = Signature::Invalid;
        }),
        (&["checkpoint of action 3", "a key that the shop does not have"], &|facts| {
            log(facts).checkpoints[0].signature = Signature::OtherKey("x".to_owned());
        }),
    ]);
}

#[test]
fn an_edited_row_is_the_only_one_that_is_named() {
    let edits: [fn(&mut Link); 3] = [
        |link| link.computed = "x".to_owned(),
        // The hash that was stored before is the one that is computed.
        |link| link.hash = "x".to_owned(),
        |link| (link.previous, link.computed) = ("x".to_owned(), "y".to_owned()),
    ];
    for edit in edits {
        let mut facts = shop();
        edit(log(&mut facts).actions[3].link.as_mut().unwrap());

        let found = finding(&facts, 14);

        assert_eq!(found.violations.iter().map(|one| &*one.row).collect::<Vec<_>>(), ["action 4"], "{found:?}");
    }
}

#[test]
fn the_chain_begins_after_the_rows_of_earlier_versions() {
    let found = holds(14, |facts| drop(log(facts).checkpoints.pop()));
    assert!(found.notes[0].contains("begins with action 2; those up to 1 are not in it"), "{found:?}");
    breaks(14, &["action 1", "is not in the chain"], |facts| log(facts).actions.swap(0, 1));
}

#[test]
fn a_signature_that_could_not_be_verified_is_told() {
    let found = holds(14, |facts| {
        log(facts).checkpoints[0].signature = Signature::NotVerified("is not verified: no key".to_owned());
    });

    assert!(
        found.notes.iter().any(|note| note.contains("checkpoint of action 3") && note.contains("no key")),
        "{found:?}"
    );
}
