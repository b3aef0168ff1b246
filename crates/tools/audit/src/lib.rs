//! Checks that nothing was lost and nothing was done twice: nine invariants over facts about a quiet shop.
//!
//! Pure: whoever calls it gathers the [`Facts`], from databases and topics or from in-memory twins.

pub mod facts;
mod invariants;
mod report;
mod table;

pub use facts::Facts;
pub use report::{Count, Finding, Report, Verdict, Violation};

/// Holds the facts against every invariant.
pub fn check(facts: &Facts) -> Report {
    Report {
        at: facts.at,
        findings: invariants::ALL.map(|invariant| invariants::waive(facts, invariant(facts))).into(),
    }
}
