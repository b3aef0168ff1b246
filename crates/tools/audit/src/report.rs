//! What an audit found.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use serde::Serialize;

/// A finding for each invariant, in their order.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub at: DateTime<Utc>,
    pub findings: Vec<Finding>,
}

/// What came of one invariant.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// As design.md counts them, from 1.
    pub number: u8,
    pub invariant: &'static str,
    pub verdict: Verdict,
    /// What was looked at.
    pub counted: Vec<Count>,
    pub violations: Vec<Violation>,
    /// What could not be looked at, so that the invariant cannot be said to hold.
    pub missing: Vec<String>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Holds,
    Broken,
    /// Nothing was there to look at, or something could not be looked at.
    NothingToCheck,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    pub of: &'static str,
    pub count: usize,
}

/// A row that breaks an invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which row.
    pub row: String,
    pub problem: String,
}

impl Report {
    /// True when every invariant was checked and holds.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict == Verdict::Holds)
    }

    /// The invariants that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::Broken)
    }

    /// The invariants for which there was nothing to look at, or not all of it.
    pub fn unchecked(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::NothingToCheck)
    }

    pub fn violations(&self) -> usize {
        self.findings.iter().map(|finding| finding.violations.len()).sum()
    }
}

/// A finding in the making.
pub struct Check {
    finding: Finding,
}

impl Check {
    pub fn new(number: u8, invariant: &'static str) -> Self {
        let verdict = Verdict::NothingToCheck;
        let (counted, violations, missing, notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { finding: Finding { number, invariant, verdict, counted, violations, missing, notes } }
    }

    /// So many of these were looked at.
    pub fn counted(&mut self, of: &'static str, count: usize) {
        self.finding.counted.push(Count { of, count });
    }

    /// This row breaks the invariant.
    pub fn broken_by(&mut self, row: impl Display, problem: impl Into<String>) {
        self.finding.violations.push(Violation { row: row.to_string(), problem: problem.into() });
    }

    /// This should have been looked at and could not be.
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
