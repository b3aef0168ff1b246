//! Reports violations that follow from a discarded dead letter as notes.

use std::collections::HashMap;

use contracts::events::{
    AssemblyFailed, Consumer, DeliveryStatusUpdated, OrderCancelled, OrderPaid, Published as _, ROUTES, ShipAssembled,
};
use uuid::Uuid;

use crate::{
    Facts, Finding, Verdict, Violation,
    facts::{Discarded, OutboxRow, events_of},
};

/// The prefix of notes on violations that discarded letters explain.
pub const WAIVED: &str = "waived";

/// The violations of one invariant that follow from a missing event: the invariant's number, and the beginnings of the
/// violations' texts.
pub type Consequences = (u8, &'static [&'static str]);

const NOT_BUILT: &[&str] = &["is not built"];
const PARTS_HELD: &[&str] = &["its parts are held"];

/// Returns the violations that exist if a service never handles an event, except those of invariant 5, which always
/// exist.
///
/// The modules of the invariants write the texts.
pub fn broken_without(service: &str, kind: &str) -> &'static [Consequences] {
    match (service, kind) {
        // The order stays PAID.
        ("assembly", OrderPaid::TYPE) | ("order", AssemblyFailed::TYPE) => &[(7, NOT_BUILT)],
        // The reservation's status no longer matches the order's.
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
        // Delivery does not know the order, or knows only the events before the missing one.
        ("delivery", OrderPaid::TYPE) => &[(
            11,
            &[
                "is ASSEMBLED, and its delivery is not there",
                "is ASSEMBLED, and its delivery is ASSEMBLED_EARLY",
                "is CANCELLED, and its delivery is not there",
                "is CANCELLED, and its delivery is CANCELLED_EARLY",
            ],
        )],
        // No courier takes the ship.
        ("delivery", ShipAssembled::TYPE) => &[(11, &["is ASSEMBLED, and its delivery is PENDING"])],
        // No courier takes the ship, or one delivers it although the order is cancelled.
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
        // A missing `PaymentCompleted` violates none: order gets the outcome from its call to payment or from its
        // reconciler.
        _ => &[],
    }
}

pub fn follows(consequences: &[Consequences], number: u8, problem: &str) -> bool {
    consequences.iter().any(|(of, problems)| *of == number && problems.iter().any(|start| problem.starts_with(start)))
}

/// The missed events that discarded letters explain, by order.
pub struct Waivers<'a> {
    missed: HashMap<Uuid, Vec<Missed<'a>>>,
}

/// An event of an order that a consumer never handles.
struct Missed<'a> {
    letter: &'a Discarded,
    kind: &'static str,
    consumer: &'static Consumer,
}

impl<'a> Waivers<'a> {
    pub fn from_facts(facts: &'a Facts) -> Self {
        let rows = facts.outbox_by_event();
        let mut missed: HashMap<Uuid, Vec<Missed<'a>>> = HashMap::new();
        for letter in &facts.discarded {
            if let Some((order, one)) = Missed::from_letter(letter, &rows) {
                missed.entry(order).or_default().push(one);
            }
        }
        Self { missed }
    }

    /// Turns the violations that discarded letters explain into notes.
    pub fn waive(&self, mut finding: Finding) -> Finding {
        let all = std::mem::take(&mut finding.violations);
        for violation in all {
            match self.explanation(finding.number, &violation) {
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

    /// Returns the discarded letter that explains the violation; `None` if there is none.
    fn explanation(&self, number: u8, violation: &Violation) -> Option<&'a Discarded> {
        let (_, order) = violation.row.rsplit_once("order ")?;
        let missed = self.missed.get(&Uuid::try_parse(order).ok()?)?;
        missed.iter().find(|one| one.explains(number, violation)).map(|one| one.letter)
    }
}

impl<'a> Missed<'a> {
    /// Returns the order of a letter, and its missed event; `None` if the letter's consumer handles no such event of
    /// the order.
    fn from_letter(letter: &'a Discarded, rows: &HashMap<Uuid, &OutboxRow>) -> Option<(Uuid, Self)> {
        let (order, event) = (letter.order?, letter.event?);
        let is_of = |kind: &str| match rows.get(&event) {
            Some(row) => row.kind == kind && row.key == order,
            // Outbox rows are removed after a time, but the consequences stay. A missing `PaymentCompleted`, the only
            // type whose ids need the number of attempts, has no consequences.
            None => events_of(order, 0).contains(&(kind, event)),
        };
        let routes = ROUTES.iter().flat_map(|route| route.consumers.iter().map(move |consumer| (route.kind, consumer)));
        let mut own = routes.filter(|(kind, consumer)| consumer.group == letter.group && is_of(kind));
        own.next().map(|(kind, consumer)| (order, Self { letter, kind, consumer }))
    }

    /// Returns true if the violation exists because the consumer never handled the event.
    fn explains(&self, number: u8, Violation { row, problem }: &Violation) -> bool {
        let own = number == 5 && row.contains(self.kind) && problem.starts_with(self.consumer.group);
        own || follows(broken_without(self.consumer.service, self.kind), number, problem)
    }
}
