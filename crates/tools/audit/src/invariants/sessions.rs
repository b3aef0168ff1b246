//! Invariant 9: No session works after its logout was acknowledged.

use crate::{Facts, Finding, facts::Probe, report::Check};

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(9, "no session works after its logout was acknowledged");
    for Probe { place, answered, .. } in facts.probes.iter().filter(|probe| !probe.refused) {
        check.broken_by(place, format!("answered {answered} within a session that was logged out"));
    }
    check.counted("uses after a logout", facts.probes.len());
    check.end()
}
