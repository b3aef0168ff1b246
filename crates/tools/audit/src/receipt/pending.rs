//! The pending work of an order, and the violations that it explains, which must be gone once the work is done.

use chrono::{DateTime, Utc};
use contracts::events::route_of;
use uuid::Uuid;

use crate::{
    Cause, Facts, Violation,
    facts::{
        BuildStatus, DeliveryState, NotificationStatus, Order, OrderStatus, OutboxRow, PaymentStatus, ReservationStatus,
    },
    invariants::{Consequences, Unhandled, consequences, unhandled_events},
    receipt::{amount, at},
};

pub struct Pending<'a> {
    pub text: String,
    /// The invariants that are open until the work is done.
    numbers: Vec<u8>,
    excuse: Excuse<'a>,
}

/// The violations that the work explains, among those of the invariants in `numbers`.
enum Excuse<'a> {
    None,
    All,
    /// The violations that exist because a consumer has not reached this event.
    Unhandled(Unhandled),
    /// The violations that exist because no consumer has this event.
    Unpublished(&'a OutboxRow),
}

/// The number of the invariant that limits how long work may be pending. Pending work does not explain its violations.
const BOUNDS_INVARIANT: u8 = 7;

impl<'a> Pending<'a> {
    fn new(numbers: &[u8], excuse: Excuse<'a>, text: String) -> Self {
        Self { text, numbers: numbers.to_vec(), excuse }
    }

    fn unhandled(one: Unhandled) -> Self {
        let Unhandled { event, kind, consumer, .. } = &one;
        let own: &[u8] = if consumer.service == "notification" { &[5, 6] } else { &[5] };
        let numbers = [own, one.consequences().0].concat();
        let text = format!("{} has not handled {kind} {event} yet", consumer.group);
        Self::new(&numbers, Excuse::Unhandled(one), text)
    }

    pub fn holds_open(&self, number: u8) -> bool {
        self.numbers.contains(&number)
    }

    pub fn explains(&self, number: u8, violation: &Violation) -> bool {
        let explains = || match &self.excuse {
            Excuse::None => false,
            Excuse::All => true,
            Excuse::Unhandled(one) => one.explains(violation),
            Excuse::Unpublished(row) => match violation.cause {
                Cause::Event { event, .. } => event == row.event,
                // A consumer may have handled an event before its outbox row is marked as published.
                Cause::Effects(kind) => row.kind == kind,
                cause => without(row).any(|(_, follows)| follows(cause)),
            },
        };
        number != BOUNDS_INVARIANT && self.holds_open(number) && explains()
    }
}

/// Returns the consequences that last as long as no consumer has this event.
fn without(row: &OutboxRow) -> impl Iterator<Item = Consequences> {
    let consumers = route_of(&row.kind).map(|route| route.consumers).unwrap_or_default();
    consumers.iter().map(move |consumer| consequences(consumer.service, &row.kind))
}

/// Returns the pending work. `facts` are those of one order.
pub fn of(facts: &Facts, order: Uuid) -> Vec<Pending<'_>> {
    let mut pending = Vec::new();
    for order in &facts.orders {
        of_order(facts, order, &mut pending);
    }
    of_services(facts, &mut pending);
    pending.extend(facts.outbox.iter().filter_map(|row| of_publication(facts, row)));
    let unhandled = unhandled(facts, order).into_iter().filter(|one| is_under_way(facts, one));
    pending.extend(unhandled.map(Pending::unhandled));
    pending
}

fn of_order(facts: &Facts, order: &Order, pending: &mut Vec<Pending<'_>>) {
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

fn of_services(facts: &Facts, pending: &mut Vec<Pending<'_>>) {
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
fn of_publication<'a>(facts: &Facts, row: &'a OutboxRow) -> Option<Pending<'a>> {
    let OutboxRow { kind, event, .. } = row;
    let Some(published) = row.published_at else {
        if row.set_aside_at.is_some_and(|since| !is_recent(facts, since)) {
            return None;
        }
        let text = format!("{kind} {event} is not published yet, since {}", at(row.created_at));
        let numbers: Vec<u8> =
            [4, 5, 7].into_iter().chain(without(row).flat_map(|(numbers, _)| numbers).copied()).collect();
        return Some(Pending::new(&numbers, Excuse::Unpublished(row), text));
    };
    let log = facts.log_of(kind)?;
    let is_read = log.records.iter().any(|record| record.event == Some(*event));
    let is_kept = log.complete_since.is_none_or(|since| published >= since);
    let text = || format!("{kind} {event} was published at {}, and its record is not read yet", at(published));
    let is_awaited = !is_read && is_kept && is_recent(facts, published);
    is_awaited.then(|| Pending::new(&[4], Excuse::Unpublished(row), text()))
}

/// Returns the published events of an order that a consumer has neither handled nor dead-lettered.
pub fn unhandled(facts: &Facts, order: Uuid) -> Vec<Unhandled> {
    unhandled_events(facts).into_iter().filter(|one| one.order == order).collect()
}

/// Returns true if the consumer has not reached the event yet. Without a known committed offset, this is assumed while
/// the event is recent.
fn is_under_way(facts: &Facts, Unhandled { event, consumer, .. }: &Unhandled) -> bool {
    let mut positions = facts.positions.iter();
    if let Some(position) = positions.find(|one| one.event == *event && one.group == consumer.group) {
        return !position.is_past;
    }
    let row = facts.outbox.iter().find(|row| row.event == *event);
    row.is_some_and(|row| is_recent(facts, row.published_at.unwrap_or(row.created_at)))
}

fn is_recent(facts: &Facts, since: DateTime<Utc>) -> bool {
    facts.at.signed_duration_since(since).to_std().is_ok_and(|age| age <= facts.bounds.grace) || since > facts.at
}
