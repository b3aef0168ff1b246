//! The receipt of one order: each invariant that concerns the order, with its evidence.
//!
//! The checks are those of the audit, over the facts of one order. An audit waits until no work is pending, but a
//! receipt is read at any time, so it distinguishes violations from pending work.

mod evidence;
mod narrow;
mod pending;

use std::collections::HashSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use uuid::Uuid;

use self::{narrow::checks, pending::Pending};
pub use self::{narrow::narrowed, pending::unhandled};
pub use crate::invariants::Unhandled;
use crate::{
    Facts, Finding, Violation,
    facts::UnreadDatabase,
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

    /// Returns the receipt with its violated checks marked open: the databases are not read at one instant, so a
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
    Receipt { checks: checks.collect(), unread: facts.unread.iter().map(not_read).collect() }
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
    let unread: Vec<String> = unread.map(not_read).collect();
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
        if open.is_empty() { (State::Held, vec![held(own, number)]) } else { (State::Open, open) }
    };
    let mut seen = HashSet::new();
    let text: Vec<String> = text.into_iter().filter(|one| seen.insert(one.clone())).collect();
    let waived = notes.into_iter().skip(noted);
    let evidence = evidence::of(facts, own, number).into_iter().chain(waived).collect();
    Check { number, invariant, text: text.join("; "), state, evidence }
}

fn held(facts: &Facts, number: u8) -> String {
    let is_delivered = facts.orders.iter().any(|order| order.has_address);
    let text = match number {
        1 => "The order exists once, as its customer was told.",
        2 => "Charges minus refunds agree with the status of the order, at payment and at the provider.",
        3 => "The reservation has the parts of the order, and follows its status.",
        4 => "Each event of the order reached its topic once it was written, and each record has its outbox row.",
        5 => "Each consumer has handled each event once, with its effect.",
        6 => "Each step was notified once.",
        7 => "Nothing of the order is unfinished.",
        8 => "No event of the order is a dead letter.",
        10 => "Each settled attempt to pay was published once, as it ended.",
        11 if is_delivered => "The delivery follows the order, and each of its statuses was published once, in order.",
        11 => "The order has no address, and no delivery.",
        _ => "Holds.",
    };
    text.to_owned()
}

fn not_read(UnreadDatabase { service, error }: &UnreadDatabase) -> String {
    format!("the database of {service} was not read: {error}")
}

/// Formats a time in UTC with milliseconds.
fn at(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Formats minor units: `125.00`.
fn amount(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", minor.unsigned_abs() / 100, minor.unsigned_abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_decimals() {
        assert_eq!([amount(0), amount(5), amount(12_500), amount(-1)], ["0.00", "0.05", "125.00", "-0.01"]);
    }
}
