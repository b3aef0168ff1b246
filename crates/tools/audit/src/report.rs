//! The result of an audit.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::violation::{Row, Violation};

/// The problem of a row that does not say who decided it.
pub(crate) const NO_AUTHOR: &str = "has no author: it was made by hand, or by a replica of the release before";

/// One finding per invariant, in order.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub at: DateTime<Utc>,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The invariant's number, from 1.
    pub number: u8,
    pub invariant: &'static str,
    pub verdict: Verdict,
    /// The kinds of facts that were checked, with counts.
    pub counted: Vec<Count>,
    pub violations: Vec<Violation>,
    /// Facts that could not be checked. If there are any, the invariant does not count as holding.
    pub missing: Vec<String>,
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Holds,
    Broken,
    /// There were no facts to check, or not all facts could be checked.
    NothingToCheck,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    pub of: &'static str,
    pub count: usize,
}

impl Report {
    /// Returns true when every invariant was checked and holds.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict == Verdict::Holds)
    }

    /// Returns the worst verdict: `Broken`, then `NothingToCheck`.
    pub fn verdict(&self) -> Verdict {
        match (self.broken().next(), self.unchecked().next()) {
            (Some(_), _) => Verdict::Broken,
            (None, Some(_)) => Verdict::NothingToCheck,
            (None, None) => Verdict::Holds,
        }
    }

    pub fn broken(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::Broken)
    }

    /// Returns the findings of the invariants that were not checked completely, or had nothing to check.
    pub fn unchecked(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::NothingToCheck)
    }

    pub fn violations(&self) -> usize {
        self.findings.iter().map(|finding| finding.violations.len()).sum()
    }
}

pub struct Check {
    finding: Finding,
}

impl Check {
    pub fn new(number: u8, invariant: &'static str) -> Self {
        let verdict = Verdict::NothingToCheck;
        let (counted, violations, missing, notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { finding: Finding { number, invariant, verdict, counted, violations, missing, notes } }
    }

    pub fn counted(&mut self, of: &'static str, count: usize) {
        self.finding.counted.push(Count { of, count });
    }

    pub fn broken_by(&mut self, row: impl Into<Row>, problem: impl Into<String>) {
        let row: Row = row.into();
        self.finding.violations.push(row.violation(problem));
    }

    pub fn missing(&mut self, what: String) {
        self.finding.missing.push(what);
    }

    pub fn note(&mut self, note: String) {
        self.finding.notes.push(note);
    }

    pub fn end(mut self) -> Finding {
        let looked_at: usize = self.finding.counted.iter().map(|count| count.count).sum();
        self.finding.verdict = if !self.finding.violations.is_empty() {
            Verdict::Broken
        } else if looked_at == 0 || !self.finding.missing.is_empty() {
            Verdict::NothingToCheck
        } else {
            Verdict::Holds
        };
        self.finding
    }
}
