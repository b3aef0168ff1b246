//! Tests of the checks: a consistent shop passes, and the audit finds each corruption.

mod actions;
mod balances;
mod charges;
mod completions;
mod consumer_effects;
mod customers;
mod dead_letters;
mod deliveries;
mod fixture;
mod intake;
mod invariant;
mod notifications;
mod orders;
mod overdue;
mod partial_refunds;
mod publication;
mod receipt;
mod report;
mod shop;
mod stock;

use crate::invariant::{breaks, holds};

#[test]
fn a_session_outlives_its_logout() {
    holds(9, |_| ());
    breaks(9, &["GET /api/v1/orders", "answered 200"], |facts| {
        facts.probes[1].answered = "200".to_owned();
        facts.probes[1].refused = false;
    });
}
