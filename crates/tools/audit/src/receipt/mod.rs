//! The receipt of one order: each invariant that concerns the order, with its evidence.
//!
//! The checks are those of the audit, over the facts of one order. An audit waits until no work is pending, but a
//! receipt is read at any time, so it distinguishes violations from pending work.

mod evidence;
mod narrow;
mod pending;
mod words;

use std::collections::HashSet;

use serde::Serialize;
use uuid::Uuid;

use self::{narrow::checks, pending::Pending};
pub use self::{narrow::narrowed, pending::unhandled};
pub use crate::invariants::Unhandled;
use crate::{
    Facts, Finding, Violation,
    invariants::{self, Waivers},
};

/// The checks of one order, by the numbers of their invariants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    pub checks: Vec<Check>,
    /// The databases that could not be read, and the errors. The checks that need them are open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The invariant's number, from 1.
    #[serde(skip)]
    pub number: u8,
    /// The invariant in the words of the audit.
    pub invariant: &'static str,
    /// A sentence: the invariant holds, work is pending, or these rows violate it.
    pub text: String,
    pub state: State,
    /// The rows and records that were checked, one per line.
    pub evidence: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Held,
    /// Work is pending, or facts could not be read.
    Open,
    Violated,
}

impl Receipt {
    /// Returns true if every invariant holds and no work is pending.
    pub fn is_whole(&self) -> bool {
        self.checks.iter().all(|check| check.state == State::Held)
    }

    pub fn violated(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.state == State::Violated)
    }

    /// Returns the receipt with its violated checks marked open: the databases are not read at one instant, so that a
    /// concurrent change may look like a violation.
    #[must_use]
    pub fn in_doubt(mut self) -> Self {
        for check in self.checks.iter_mut().filter(|check| check.state == State::Violated) {
            check.state = State::Open;
            check.text = format!("the order changed while it was read: {}", check.text);
        }
        self
    }
}

/// Checks each invariant that concerns one order. The facts may be those of a whole shop.
pub fn receipt(facts: &Facts, order: Uuid) -> Receipt {
    let own = narrowed(facts, order);
    let pending = pending::of(&own, order);
    let waivers = Waivers::from_facts(&own);
    let applies = |number| number != 8 || !own.dead_letters.is_empty();
    let checks = checks().into_iter().filter(|(number, _)| applies(*number));
    let checks = checks.map(|(number, services)| {
        let finding = invariants::ALL[usize::from(number) - 1](&own);
        check(facts, &own, order, &services, finding, &waivers, &pending)
    });
    Receipt { checks: checks.collect(), unread: facts.unread.iter().map(words::unread).collect() }
}

fn check(
    facts: &Facts,
    own: &Facts,
    order: Uuid,
    services: &[&str],
    finding: Finding,
    waivers: &Waivers<'_>,
    pending: &[Pending<'_>],
) -> Check {
    let noted = finding.notes.len();
    let Finding { number, invariant, violations, missing, notes, .. } = waivers.waive(finding);
    let unread = own.unread.iter().filter(|unread| services.contains(&unread.service));
    let unread: Vec<String> = unread.map(words::unread).collect();
    let concerning = violations.into_iter().filter(|violation| narrow::concerns(violation, order));
    let explained = |violation: &Violation| pending.iter().any(|one| one.explains(number, violation));
    let broken: Vec<Violation> = concerning.filter(|violation| !explained(violation)).collect();
    let under_way = pending.iter().filter(|one| one.holds_open(number)).map(|one| one.text.clone());
    let (state, text) = if !unread.is_empty() {
        // The cause may be rows that were not read.
        (State::Open, unread)
    } else if !broken.is_empty() {
        let named = |violation: &Violation| {
            format!("{}: {}", violation.row, violation.timeless.as_ref().unwrap_or(&violation.problem))
        };
        (State::Violated, broken.iter().map(named).collect())
    } else {
        let open: Vec<String> = missing.into_iter().chain(under_way).collect();
        if open.is_empty() { (State::Held, vec![words::held(own, number)]) } else { (State::Open, open) }
    };
    let mut seen = HashSet::new();
    let text: Vec<String> = text.into_iter().filter(|one| seen.insert(one.clone())).collect();
    let waived = notes.into_iter().skip(noted);
    let evidence = evidence::of(facts, own, number).into_iter().chain(waived).collect();
    Check { number, invariant, text: text.join("; "), state, evidence }
}
