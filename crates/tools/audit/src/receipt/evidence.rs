//! The evidence of a check: the order's rows and records, one per line.

use contracts::events::{DeliveryStatusUpdated, PaymentCompleted, Published as _};
use uuid::Uuid;

use super::{amount, at, pending::unhandled};
use crate::{
    Facts,
    facts::{Answer, EntryKind, OutboxRow, Payment, Reservation},
    invariants::Unhandled,
};

/// Returns the evidence of one invariant. `facts` has the names of the parts, and `own` the order's facts.
pub fn of(facts: &Facts, own: &Facts, number: u8) -> Vec<String> {
    match number {
        1 => orders(own),
        2 => attempts(own).chain(partial_refunds(own)).chain(ledger(own)).collect(),
        3 => own.reservations.iter().flat_map(|one| reservation(facts, one)).collect(),
        4 => own.outbox.iter().map(|row| event(own, row)).collect(),
        5 => inboxes(own),
        6 => notifications(own),
        7 => states(own),
        8 => dead_letters(own),
        10 => completions(own),
        11 => deliveries(own).chain(statuses(own)).collect(),
        _ => Vec::new(),
    }
}

fn orders(own: &Facts) -> Vec<String> {
    let orders = own.orders.iter().map(|order| {
        let (total, created) = (amount(order.total), at(order.created_at));
        format!("order {} of {total}, created at {created}, {}", order.uuid, order.status.as_str())
    });
    let answers = own.acknowledged.iter().map(|one| match one.answer {
        Answer::Created => "answered: created".to_owned(),
        Answer::Paid { transaction } => format!("answered: paid by {transaction}"),
        Answer::Cancelled => "answered: cancelled".to_owned(),
    });
    orders.chain(answers).collect()
}

fn attempts(own: &Facts) -> impl Iterator<Item = String> {
    own.payments.iter().map(|payment| {
        let Payment { transaction, status, created_at, .. } = payment;
        let status = status.as_str();
        let Some(attempt) = payment.attempt else {
            return format!("no attempt: cancelled before it was paid, {status} at {}", at(*created_at));
        };
        let provider = payment.provider.as_deref().unwrap_or("no provider");
        let reference = payment.reference.as_ref().map(|one| format!(", reference {one}")).unwrap_or_default();
        let reason = payment.decline_reason.as_ref().map(|one| format!(" ({one})")).unwrap_or_default();
        let amount = amount(payment.amount.unwrap_or_default());
        let begun = at(*created_at);
        format!(
            "attempt {attempt} of {amount}: {status}{reason}, transaction {transaction} at {provider}{reference}, begun at {begun}"
        )
    })
}

fn partial_refunds(own: &Facts) -> impl Iterator<Item = String> {
    own.partial_refunds.iter().map(|refund| {
        let is_made = if refund.is_made { "made" } else { "not made yet" };
        format!("partial refund {} of {}: {is_made}", refund.refund, amount(refund.amount))
    })
}

fn ledger(own: &Facts) -> impl Iterator<Item = String> {
    own.ledger.iter().map(|entry| {
        let kind = match entry.kind {
            EntryKind::Charge => "charge",
            EntryKind::Decline => "decline",
            EntryKind::Refund => "refund",
        };
        format!("the provider's ledger: {kind} of {}, key {}", amount(entry.amount), entry.key)
    })
}

fn reservation(facts: &Facts, reservation: &Reservation) -> Vec<String> {
    let name = |part: &Uuid| facts.parts.iter().find(|one| one.uuid == *part).map(|one| one.name.as_str());
    let lines = reservation.items.iter().map(|(part, quantity)| match name(part) {
        Some(name) => format!("{quantity} of {name} ({part})"),
        None => format!("{quantity} of {part}"),
    });
    let status = format!("reservation {} at {}", reservation.status.as_str(), at(reservation.updated_at));
    [status].into_iter().chain(lines).collect()
}

/// Formats an event with the digest of its payload and its records: `topic/partition/offset`.
fn event(own: &Facts, row: &OutboxRow) -> String {
    let logs = own.logs.iter();
    let records = logs.flat_map(|log| log.records.iter().map(move |record| (&log.topic, record)));
    let of_event = records.filter(|(_, record)| record.event == Some(row.event));
    let places: Vec<String> = of_event
        .map(|(topic, record)| format!("{topic}/{}/{} at {}", record.partition, record.offset, at(record.at)))
        .collect();
    let published = match (row.published_at, places.is_empty()) {
        (None, true) => "not published yet".to_owned(),
        (Some(published), true) => format!("published at {}, its record is not read", at(published)),
        (_, false) => places.join(", "),
    };
    let payload = row.payload_digest.as_ref().map(|digest| format!(", payload sha256 {digest}")).unwrap_or_default();
    let written = at(row.created_at);
    format!("{} {} of {}, written at {written}{payload}: {published}", row.kind, row.event, row.service)
}

fn kind_of(own: &Facts, event: Uuid) -> &str {
    own.outbox.iter().find(|row| row.event == event).map_or("event", |row| row.kind.as_ref())
}

fn inboxes(own: &Facts) -> Vec<String> {
    let rows = own.inboxes.iter().flat_map(|inbox| inbox.rows.iter().map(move |row| (inbox, row)));
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|(_, row)| row.at);
    let handled = rows.into_iter().map(|(inbox, row)| {
        let (kind, at) = (kind_of(own, row.event), at(row.at));
        format!("inbox of {}: {}, {kind} {} at {at}", inbox.service, inbox.consumer, row.event)
    });
    let order = own.orders.first().map(|order| order.uuid).unwrap_or_default();
    let lacking = unhandled(own, order).into_iter().map(|Unhandled { event, kind, consumer, .. }| {
        format!("inbox of {}: {}, {kind} {event}: no row", consumer.service, consumer.group)
    });
    handled.chain(lacking).collect()
}

fn notifications(own: &Facts) -> Vec<String> {
    let notification = |one: &crate::facts::Notification| {
        let sent = one.sent_at.map(|sent| format!(" at {}", at(sent))).unwrap_or_default();
        let twice = if one.ambiguous { ", may have arrived twice" } else { "" };
        let attempts = if one.attempts == 1 { "1 attempt".to_owned() } else { format!("{} attempts", one.attempts) };
        format!("{}: {}{sent}, {attempts}{twice}", one.kind, one.status.as_str())
    };
    own.notifications.iter().map(notification).collect()
}

fn states(own: &Facts) -> Vec<String> {
    let orders = own.orders.iter().map(|one| format!("order: {} at {}", one.status.as_str(), at(one.updated_at)));
    let payments = own.payments.iter().map(|one| format!("payment: {} at {}", one.status.as_str(), at(one.updated_at)));
    let reservations =
        own.reservations.iter().map(|one| format!("inventory: {} at {}", one.status.as_str(), at(one.updated_at)));
    let builds = own.builds.iter().map(|one| format!("assembly: {}, due at {}", one.status.as_str(), at(one.due_at)));
    let deliveries =
        own.deliveries.iter().map(|one| format!("delivery: {} at {}", one.state.as_str(), at(one.updated_at)));
    orders.chain(payments).chain(reservations).chain(builds).chain(deliveries).collect()
}

fn dead_letters(own: &Facts) -> Vec<String> {
    own.letters().map(|letter| format!("{} by {}: {}", letter.id, letter.group, letter.error)).collect()
}

fn completions(own: &Facts) -> Vec<String> {
    let mut seen = Vec::new();
    for one in &own.completions {
        let line = format!(
            "attempt {}: {} {}, {} of {}, transaction {}",
            one.attempt,
            PaymentCompleted::TYPE,
            one.event,
            one.status,
            amount(one.amount),
            one.transaction
        );
        // The event may come from the outbox and from the topic.
        if !seen.contains(&line) {
            seen.push(line);
        }
    }
    seen
}

fn deliveries(own: &Facts) -> impl Iterator<Item = String> {
    own.deliveries.iter().map(|one| {
        let courier = one.courier.map(|courier| format!(", courier {courier}")).unwrap_or_default();
        let steps = one.steps.map(|steps| format!(", {steps} steps")).unwrap_or_default();
        format!("delivery {} at {}{courier}{steps}", one.state.as_str(), at(one.updated_at))
    })
}

fn statuses(own: &Facts) -> impl Iterator<Item = String> {
    let rows = own.outbox.iter().filter(|row| row.kind == DeliveryStatusUpdated::TYPE);
    rows.map(|row| {
        let known = contracts::events::DELIVERY_STATUSES.into_iter();
        let mut of_event = known.filter(|status| crate::facts::status_event(row.key, status) == row.event);
        let status = of_event.next().unwrap_or("an unknown status");
        format!("{status} at {}: event {}", at(row.created_at), row.event)
    })
}
