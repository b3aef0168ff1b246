//! The audit: thirteen invariants over the facts of a shop without pending work. Nothing is lost, nothing is done twice.
//!
//! Pure: the caller gathers the [`Facts`] from databases and topics, or from in-memory twins.

mod display;
pub mod facts;
mod invariants;
mod report;

pub use facts::Facts;
pub use report::{Count, Finding, Report, Verdict, Violation};

/// Checks all invariants.
pub fn check(facts: &Facts) -> Report {
    Report {
        at: facts.at,
        findings: invariants::ALL.map(|invariant| invariants::waive(facts, invariant(facts))).into(),
    }
}
