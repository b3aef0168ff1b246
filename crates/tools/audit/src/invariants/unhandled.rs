//! Events that a consumer has not handled, and the violations that follow. An event under way is unhandled for some
//! time; an event whose dead letter an operator discarded stays unhandled.

use std::collections::HashMap;

use contracts::events::{Consumer, ROUTES};
use uuid::Uuid;

use super::reactions::{Consequences, consequences};
use crate::{
    Cause, Facts, Finding, Verdict, Violation,
    facts::{Discarded, OutboxRow, events_of},
};

/// An event of an order that a consumer has not handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhandled {
    pub order: Uuid,
    pub event: Uuid,
    /// The event type, such as `events.v1.OrderPaid`.
    pub kind: &'static str,
    pub consumer: &'static Consumer,
}

impl Unhandled {
    pub fn consequences(&self) -> Consequences {
        consequences(self.consumer.service, self.kind)
    }

    /// Returns true if the violation exists because the consumer has not handled the event.
    pub fn explains(&self, violation: &Violation) -> bool {
        let (_, follows) = self.consequences();
        let is_cause = match violation.cause {
            Cause::Event { event, group } => (event, group) == (self.event, Some(self.consumer.group)),
            cause => follows(cause),
        };
        is_cause && violation.order == Some(self.order)
    }

    /// Returns the event of a discarded letter; `None` if the letter's consumer handles no such event of an order.
    fn from_letter(letter: &Discarded, rows: &HashMap<Uuid, &OutboxRow>) -> Option<Self> {
        let (order, event) = (letter.order?, letter.event?);
        let is_of = |kind: &str| match rows.get(&event) {
            Some(row) => row.kind == kind && row.key == order,
            // Outbox rows are removed after a time, but the consequences stay. A missing `PaymentCompleted`, the only
            // type whose ids need the number of attempts, has no consequences.
            None => events_of(order, 0).contains(&(kind, event)),
        };
        let routes = ROUTES.iter().flat_map(|route| route.consumers.iter().map(move |consumer| (route.kind, consumer)));
        let mut own = routes.filter(|(kind, consumer)| consumer.group == letter.group && is_of(kind));
        own.next().map(|(kind, consumer)| Self { order, event, kind, consumer })
    }
}

/// The discarded letters and the events that their consumers never handle, by order.
pub struct Waivers<'a>(HashMap<Uuid, Vec<(Unhandled, &'a Discarded)>>);

impl<'a> Waivers<'a> {
    pub fn from_facts(facts: &'a Facts) -> Self {
        let rows = facts.outbox_by_event();
        let mut waivers: HashMap<_, Vec<_>> = HashMap::new();
        for letter in &facts.discarded {
            if let Some(unhandled) = Unhandled::from_letter(letter, &rows) {
                waivers.entry(unhandled.order).or_default().push((unhandled, letter));
            }
        }
        Self(waivers)
    }

    /// Moves the violations that discarded letters explain to the end of the notes.
    pub fn waive(&self, mut finding: Finding) -> Finding {
        for violation in std::mem::take(&mut finding.violations) {
            let of_order = violation.order.and_then(|order| self.0.get(&order));
            let mut of_order = of_order.into_iter().flatten();
            match of_order.find(|(unhandled, _)| unhandled.explains(&violation)) {
                Some((_, Discarded { letter, who, why, .. })) => finding.notes.push(format!(
                    "waived, since {who} discarded {letter} ({why}): {}: {}",
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
}
