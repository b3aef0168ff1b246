//! The pending work of an order, and the violations that end with it.

use chrono::{DateTime, Utc};
use contracts::events::route_of;
use uuid::Uuid;

use crate::{
    Facts, Violation,
    facts::{
        BuildStatus, DeliveryState, Kind, NotificationStatus, Order, OrderStatus, OutboxRow, PaymentStatus,
        ReservationStatus,
    },
    invariants::{Consequences, Unhandled, broken_without, follows, unhandled},
    receipt::words::{amount, at},
};

pub struct Pending {
    pub text: String,
    /// The invariants that are open until the work is done.
    numbers: Vec<u8>,
    excuse: Excuse,
}

/// The violations that the work explains, among those of the invariants in `numbers`.
enum Excuse {
    None,
    All,
    /// The violations because this event has not reached the consumers in `group`; with `None`, any consumer.
    Event {
        kind: Kind,
        event: Uuid,
        group: Option<&'static str>,
        /// The violations of other invariants than 4 and 5.
        consequences: Vec<Consequences>,
    },
}

/// The number of the invariant that limits how long work may be pending. Pending work does not explain its violations.
const BOUNDS_INVARIANT: u8 = 7;

impl Pending {
    fn new(numbers: &[u8], excuse: Excuse, text: String) -> Self {
        let mut numbers = numbers.to_vec();
        if let Excuse::Event { consequences, .. } = &excuse {
            numbers.extend(consequences.iter().map(|(number, _)| *number));
        }
        Self { text, numbers, excuse }
    }

    pub fn holds_open(&self, number: u8) -> bool {
        self.numbers.contains(&number)
    }

    pub fn explains(&self, number: u8, violation: &Violation) -> bool {
        if number == BOUNDS_INVARIANT || !self.holds_open(number) {
            return false;
        }
        let names =
            |event: &Uuid| [&violation.row, &violation.problem].iter().any(|one| one.contains(&event.to_string()));
        match (&self.excuse, number) {
            (Excuse::None, _) => false,
            (Excuse::Event { event, .. }, 4) => names(event),
            (Excuse::Event { event, group: Some(group), .. }, 5) => {
                names(event) && violation.problem.starts_with(group)
            }
            // A consumer may have handled an event before its outbox row is marked as published.
            (Excuse::Event { kind, event, group: None, .. }, 5) => {
                names(event) || violation.problem.contains(kind.as_ref())
            }
            (Excuse::Event { consequences, .. }, _) => follows(consequences, number, &violation.problem),
            (Excuse::All, _) => true,
        }
    }
}

/// Returns the pending work. `facts` are those of one order.
pub fn of(facts: &Facts, order: Uuid) -> Vec<Pending> {
    let mut pending = Vec::new();
    for order in &facts.orders {
        of_order(facts, order, &mut pending);
    }
    of_services(facts, &mut pending);
    for row in &facts.outbox {
        pending.extend(of_publication(facts, row));
    }
    pending.extend(unconsumed(facts, order).into_iter().filter(|one| is_under_way(facts, one)).map(Pending::from));
    pending
}

fn of_order(facts: &Facts, order: &Order, pending: &mut Vec<Pending>) {
    match (order.status, order.attempt) {
        (OrderStatus::Pending, Some(attempt)) => {
            pending.push(Pending::new(&[2, 7, 10], Excuse::All, format!("attempt {attempt} to pay is under way")));
        }
        (OrderStatus::Pending, None) => {
            let until = at(order.pay_until);
            pending.push(Pending::new(&[7], Excuse::None, format!("the order may be paid until {until}")));
        }
        (OrderStatus::Paid, _) => {
            pending.push(Pending::new(&[7], Excuse::None, "the ship is not built yet".to_owned()));
        }
        (OrderStatus::Cancelled | OrderStatus::Assembled, _) => {}
    }
    let ended = |state| matches!(state, DeliveryState::Completed | DeliveryState::Failed);
    let is_over = facts.deliveries.iter().any(|delivery| ended(delivery.state));
    if order.has_address && order.status != OrderStatus::Cancelled && !is_over {
        let status = facts.deliveries.iter().find_map(|delivery| delivery.status.as_deref());
        let text = status.map_or_else(
            || "the ship is not delivered yet".to_owned(),
            |status| format!("the ship is not delivered yet: its delivery is {status}"),
        );
        pending.push(Pending::new(&[7, 11], Excuse::None, text));
    }
}

fn of_services(facts: &Facts, pending: &mut Vec<Pending>) {
    for payment in &facts.payments {
        let attempt = payment.attempt.unwrap_or_default();
        match payment.status {
            PaymentStatus::Pending => {
                let text = format!("the charge of attempt {attempt} is not settled yet");
                pending.push(Pending::new(&[2, 7, 10], Excuse::All, text));
            }
            PaymentStatus::Refunding => {
                let text = format!("the charge of attempt {attempt} is not refunded yet");
                pending.push(Pending::new(&[2, 7], Excuse::All, text));
            }
            _ => {}
        }
    }
    for refund in facts.partial_refunds.iter().filter(|refund| !refund.is_made) {
        let text = format!("a partial refund of {} is not made yet", amount(refund.amount));
        pending.push(Pending::new(&[2, 7], Excuse::All, text));
    }
    for reservation in facts.reservations.iter().filter(|one| one.status == ReservationStatus::Held) {
        let until = reservation.expires_at.map(|until| format!(" until {}", at(until))).unwrap_or_default();
        pending.push(Pending::new(&[7], Excuse::None, format!("the parts are held{until}")));
    }
    for build in facts.builds.iter().filter(|build| build.status == BuildStatus::Building) {
        let text = format!("the ship is being built until {}", at(build.due_at));
        pending.push(Pending::new(&[7], Excuse::None, text));
    }
    for one in facts.notifications.iter().filter(|one| one.status == NotificationStatus::Queued) {
        pending.push(Pending::new(&[6, 7], Excuse::None, format!("{} is not sent yet", one.kind)));
    }
}

/// Returns pending work for an event that the relay has not published, or whose record the caller has not read yet.
fn of_publication(facts: &Facts, row: &OutboxRow) -> Option<Pending> {
    let OutboxRow { kind, event, .. } = row;
    let excuse = |consequences| Excuse::Event { kind: kind.clone(), event: *event, group: None, consequences };
    let Some(published) = row.published_at else {
        if row.set_aside_at.is_some_and(|since| !is_recent(facts, since)) {
            return None;
        }
        let consumers = route_of(kind).map(|route| route.consumers).unwrap_or_default();
        let consequences = consumers.iter().flat_map(|consumer| broken_without(consumer.service, kind)).copied();
        let text = format!("{kind} {event} is not published yet, since {}", at(row.created_at));
        return Some(Pending::new(&[4, 5, 7], excuse(consequences.collect()), text));
    };
    let log = facts.log_of(kind)?;
    let is_read = log.records.iter().any(|record| record.event == Some(*event));
    let is_kept = log.complete_since.is_none_or(|since| published >= since);
    let text = || format!("{kind} {event} was published at {}, and its record is not read yet", at(published));
    (!is_read && is_kept && is_recent(facts, published)).then(|| Pending::new(&[4], excuse(Vec::new()), text()))
}

/// A published event that one of its consumers has not handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unconsumed {
    pub event: Uuid,
    /// The event type, such as `events.v1.OrderPaid`.
    pub kind: &'static str,
    pub service: &'static str,
    pub group: &'static str,
}

/// Returns the published events of an order that a consumer has neither handled nor dead-lettered.
pub fn unconsumed(facts: &Facts, order: Uuid) -> Vec<Unconsumed> {
    let own = unhandled(facts).into_iter().filter(|one| one.order == order);
    own.map(|Unhandled { event, kind, consumer, .. }| Unconsumed {
        event,
        kind,
        service: consumer.service,
        group: consumer.group,
    })
    .collect()
}

impl From<Unconsumed> for Pending {
    fn from(Unconsumed { event, kind, service, group }: Unconsumed) -> Self {
        let numbers: &[u8] = if service == "notification" { &[5, 6] } else { &[5] };
        let consequences = broken_without(service, kind).to_vec();
        let excuse = Excuse::Event { kind: kind.into(), event, group: Some(group), consequences };
        Self::new(numbers, excuse, format!("{group} has not handled {kind} {event} yet"))
    }
}

/// Returns true if the consumer has not reached the event yet. Without a known committed offset, this is assumed while
/// the event is recent.
fn is_under_way(facts: &Facts, unconsumed: &Unconsumed) -> bool {
    let mut positions = facts.positions.iter();
    if let Some(position) = positions.find(|one| one.event == unconsumed.event && one.group == unconsumed.group) {
        return !position.is_past;
    }
    let row = facts.outbox.iter().find(|row| row.event == unconsumed.event);
    row.is_some_and(|row| is_recent(facts, row.published_at.unwrap_or(row.created_at)))
}

fn is_recent(facts: &Facts, since: DateTime<Utc>) -> bool {
    facts.at.signed_duration_since(since).to_std().is_ok_and(|age| age <= facts.bounds.grace) || since > facts.at
}
