//! The audit: fourteen invariants over the facts of a shop without pending work. They prove that nothing was lost or
//! done twice.
//!
//! This crate does no I/O. The caller collects the [`Facts`] from databases and topics, or from in-memory
//! implementations.

mod display;
pub mod facts;
mod invariants;
pub mod receipt;
mod report;
mod violation;

pub use facts::Facts;
pub use receipt::{Receipt, receipt};
pub use report::{Count, Finding, Report, Verdict};
pub use violation::{Cause, Violation};

pub fn check(facts: &Facts) -> Report {
    let waivers = invariants::Waivers::from_facts(facts);
    Report { at: facts.at, findings: invariants::ALL.map(|invariant| waivers.waive(invariant(facts))).into() }
}
