//! The invariants, one module each but the ninth.

mod actions;
pub mod charges;
pub mod completions;
mod consumer_effects;
mod customers;
mod dead_letters;
pub mod deliveries;
mod intake;
pub mod notifications;
mod orders;
mod overdue;
mod partial_refunds;
mod publication;
mod reactions;
pub mod stock;
mod unhandled;

pub use self::{
    consumer_effects::unhandled_events,
    reactions::{Consequences, consequences},
    unhandled::{Unhandled, Waivers},
};
use crate::{Facts, Finding, facts::Probe, report::Check};

/// All invariants, by their numbers in `docs/guarantees.md`.
pub const ALL: [fn(&Facts) -> Finding; 14] = [
    /*  1 */ orders::check,
    /*  2 */ charges::check,
    /*  3 */ stock::check,
    /*  4 */ publication::check,
    /*  5 */ consumer_effects::check,
    /*  6 */ notifications::check,
    /*  7 */ overdue::check,
    /*  8 */ dead_letters::check,
    /*  9 */ sessions,
    /* 10 */ completions::check,
    /* 11 */ deliveries::check,
    /* 12 */ customers::check,
    /* 13 */ intake::check,
    /* 14 */ actions::check,
];

/// Invariant 9: No session works after its logout was acknowledged.
fn sessions(facts: &Facts) -> Finding {
    let mut check = Check::new(9, "no session works after its logout was acknowledged");
    for Probe { place, answered, .. } in facts.probes.iter().filter(|probe| !probe.refused) {
        check.broken_by(place, format!("answered {answered} within a session that was logged out"));
    }
    check.counted("uses after a logout", facts.probes.len());
    check.end()
}
