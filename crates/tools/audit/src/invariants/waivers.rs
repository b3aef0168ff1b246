//! Waives violations that follow from a discarded dead letter: they are reported as notes.

use contracts::events::{
    AssemblyFailed, DeliveryStatusUpdated, OrderCancelled, OrderPaid, Published as _, ROUTES, ShipAssembled,
};

use crate::{Facts, Finding, Verdict, facts::Discarded};

/// The beginning of the notes on violations that discarded letters explain.
pub const WAIVED: &str = "waived";

/// Returns the numbers of the invariants that are violated if a service never handles an event. Invariant 5, which
/// always is, is left out.
pub fn broken_without(service: &str, kind: &str) -> &'static [u8] {
    match (service, kind) {
        // The order stays PAID.
        ("assembly", OrderPaid::TYPE) | ("order", AssemblyFailed::TYPE) => &[7],
        // The status of the reservation does not follow that of the order.
        ("order", ShipAssembled::TYPE) | ("inventory", OrderCancelled::TYPE | ShipAssembled::TYPE) => &[3, 7],
        // The ship stays in the hangar, or is delivered although the order is cancelled.
        ("delivery", OrderPaid::TYPE | ShipAssembled::TYPE | OrderCancelled::TYPE)
        | ("order", DeliveryStatusUpdated::TYPE) => &[11],
        // The charge is not refunded.
        ("payment", OrderCancelled::TYPE) => &[2],
        // `PaymentCompleted` violates none, since order gets the outcome from its call to payment or from its
        // reconciler.
        _ => &[],
    }
}

/// Turns the violations that discarded letters explain into notes.
pub fn waive(facts: &Facts, mut finding: Finding) -> Finding {
    let all = std::mem::take(&mut finding.violations);
    for violation in all {
        match facts
            .discarded
            .iter()
            .find(|one| explains(facts, one, finding.number, &violation.row, &violation.problem))
        {
            Some(Discarded { letter, who, why, .. }) => finding.notes.push(format!(
                "{WAIVED}, since {who} discarded {letter} ({why}): {}: {}",
                violation.row, violation.problem
            )),
            None => finding.violations.push(violation),
        }
    }
    if finding.violations.is_empty() && finding.verdict == Verdict::Broken {
        finding.verdict = if finding.missing.is_empty() { Verdict::Holds } else { Verdict::NothingToCheck };
    }
    finding
}

/// Returns true if a violation of this invariant concerns the order of a discarded event, and is of a kind that a
/// missing event causes.
fn explains(facts: &Facts, discarded: &Discarded, number: u8, row: &str, problem: &str) -> bool {
    let Some(order) = discarded.order.filter(|order| row.ends_with(&format!("order {order}"))) else { return false };
    let routes = ROUTES.iter().flat_map(|route| route.consumers.iter().map(move |consumer| (route.kind, consumer)));
    let rows = facts.outbox_by_event();
    let mut taken_by = routes.filter(|(kind, consumer)| {
        let row = discarded.event.and_then(|event| rows.get(&event));
        consumer.group == discarded.group && row.is_some_and(|row| row.kind == *kind && row.key == order)
    });
    taken_by.any(|(kind, consumer)| {
        let own = number == 5 && row.contains(kind) && problem.starts_with(consumer.group);
        own || broken_without(consumer.service, kind).contains(&number)
    })
}
