//! Waives violations that follow from a discarded dead letter: they are reported as notes.

use contracts::events::{
    AssemblyFailed, DeliveryStatusUpdated, OrderCancelled, OrderPaid, Published as _, ROUTES, ShipAssembled,
};

use crate::{Facts, Finding, Verdict, facts::Discarded};

/// The beginning of the notes on violations that discarded letters explain.
pub const WAIVED: &str = "waived";

/// The violations of one invariant that follow from a missing event: its number, and the beginnings of their problems.
pub type Consequences = (u8, &'static [&'static str]);

const NOT_BUILT: &[&str] = &["is not built"];
const PARTS_HELD: &[&str] = &["its parts are held"];

/// Returns the violations that there are if a service never handles an event. Those of invariant 5, which there always are, are left out.
///
/// The texts are those that the modules of the invariants write.
pub fn broken_without(service: &str, kind: &str) -> &'static [Consequences] {
    match (service, kind) {
        // The order stays PAID.
        ("assembly", OrderPaid::TYPE) | ("order", AssemblyFailed::TYPE) => &[(7, NOT_BUILT)],
        // The status of the reservation does not follow that of the order.
        ("order", ShipAssembled::TYPE) => &[(3, &["is PAID, and its reservation is committed"]), (7, NOT_BUILT)],
        ("inventory", OrderCancelled::TYPE) => &[
            (
                3,
                &[
                    "is CANCELLED, and its reservation is held",
                    "is CANCELLED, and its reservation is confirmed",
                    "is CANCELLED, and its reservation is expired",
                    "is CANCELLED, and its reservation is not there",
                ],
            ),
            (7, PARTS_HELD),
        ],
        ("inventory", ShipAssembled::TYPE) => &[
            (
                3,
                &[
                    "is ASSEMBLED, and its reservation is held",
                    "is ASSEMBLED, and its reservation is confirmed",
                    "is ASSEMBLED, and its reservation is expired",
                ],
            ),
            (7, PARTS_HELD),
        ],
        // Delivery does not know the order, or knows only what came before the missing event.
        ("delivery", OrderPaid::TYPE) => &[(
            11,
            &[
                "is ASSEMBLED, and its delivery is not there",
                "is ASSEMBLED, and its delivery is ASSEMBLED_EARLY",
                "is CANCELLED, and its delivery is not there",
                "is CANCELLED, and its delivery is CANCELLED_EARLY",
            ],
        )],
        // The ship stays in the hangar.
        ("delivery", ShipAssembled::TYPE) => &[(11, &["is ASSEMBLED, and its delivery is PENDING"])],
        // The ship stays in the hangar, or is delivered although the order is cancelled.
        ("delivery", OrderCancelled::TYPE) => &[(
            11,
            &[
                "is CANCELLED, and its delivery is PENDING",
                "is CANCELLED, and its delivery is CREATED",
                "is CANCELLED, and its delivery is ASSIGNED",
                "is CANCELLED, and its delivery is COMPLETED",
            ],
        )],
        ("order", DeliveryStatusUpdated::TYPE) => &[(11, &["was told that its delivery is"])],
        // The charge is not refunded.
        ("payment", OrderCancelled::TYPE) => &[(2, &["is CANCELLED, and is charged (1 charges, 0 refunds)"])],
        // `PaymentCompleted` violates none, since order gets the outcome from its call to payment or from its
        // reconciler.
        _ => &[],
    }
}

/// Returns true if a violation of invariant `number` is one of these consequences.
pub fn follows(consequences: &[Consequences], number: u8, problem: &str) -> bool {
    consequences.iter().any(|(of, problems)| *of == number && problems.iter().any(|start| problem.starts_with(start)))
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

/// Returns true if a violation of this invariant concerns the order of a discarded event, and is one that there is if the
/// consumer never handles that event.
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
        own || follows(broken_without(consumer.service, kind), number, problem)
    })
}
