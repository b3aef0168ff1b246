//! Events in outboxes, topics, inboxes and dead-letter topics.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use contracts::events::{
    self, DELIVERY_STATUSES, DeliveryStatusUpdated, Key, PaymentCompleted, Published as _, ROUTES, route_of,
};
use uuid::Uuid;

/// An event type, such as `events.v1.OrderPaid`.
pub type Kind = Cow<'static, str>;

/// Returns the static name of a known type, or a copy of an unknown one.
pub fn kind(name: &str) -> Kind {
    route_of(name).map_or_else(|| Kind::Owned(name.to_owned()), |route| Kind::Borrowed(route.kind))
}

/// Returns the types and ids of all events that an order with this many attempts to pay can have. The ids follow from
/// the order's UUID.
pub fn events_of(order: Uuid, attempts: i64) -> Vec<(&'static str, Uuid)> {
    let of_order = ROUTES.iter().filter(|route| route.key == Key::Order);
    let events = of_order.flat_map(|route| {
        let parts: Vec<Option<String>> = match route.kind {
            PaymentCompleted::TYPE => (1..=attempts).map(|attempt| Some(attempt.to_string())).collect(),
            DeliveryStatusUpdated::TYPE => DELIVERY_STATUSES.map(|status| Some(status.to_owned())).into(),
            _ => vec![None],
        };
        parts.into_iter().map(|part| (route.kind, route.event_uuid(order, part.as_deref())))
    });
    events.collect()
}

#[derive(Clone, Debug)]
pub struct OutboxRow {
    pub service: &'static str,
    pub event: Uuid,
    pub kind: Kind,
    /// The aggregate's key, which is the order's UUID.
    pub key: Uuid,
    pub created_at: DateTime<Utc>,
    pub published_at: Option<DateTime<Utc>>,
    /// When the relay set the row aside, because its type has no topic, the broker refused it, or an earlier row of its
    /// key is set aside.
    pub set_aside_at: Option<DateTime<Utc>>,
    /// The SHA-256 of the payload in hexadecimal digits, read for receipts alone.
    pub payload_digest: Option<String>,
}

/// The content of a `PaymentCompleted`, read from the payment service's outbox or from the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub event: Uuid,
    pub order: Uuid,
    pub attempt: i64,
    pub transaction: Uuid,
    /// In minor units.
    pub amount: i64,
    /// `SUCCESS`, `INSUFFICIENT_FUNDS` or `FAILED`.
    pub status: String,
}

impl Completion {
    /// Reads the event; `None` if its transaction is not a UUID.
    pub fn from_event(received: events::Received<PaymentCompleted>) -> Option<Self> {
        let events::Received { id, subject, event } = received;
        Some(Self {
            event: id.uuid(),
            order: subject.order.uuid(),
            attempt: event.attempt.into(),
            transaction: event.transaction_uuid.parse().ok()?,
            amount: event.amount_minor,
            status: event.status,
        })
    }
}

#[derive(Clone, Debug)]
pub struct Inbox {
    pub service: &'static str,
    /// The consumer group.
    pub consumer: String,
    pub rows: Vec<Received>,
}

#[derive(Clone, Copy, Debug)]
pub struct Received {
    pub event: Uuid,
    pub at: DateTime<Utc>,
}

/// The offset of a consumer relative to an event that it has not handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub group: String,
    pub event: Uuid,
    /// True if the group's committed offset is past the event's record: the consumer will not handle it.
    pub is_past: bool,
}

/// The records of a topic that are still retained.
#[derive(Clone, Debug)]
pub struct Log {
    pub topic: String,
    pub kind: Kind,
    /// Since when the topic is complete; `None` if it is complete from the beginning.
    pub complete_since: Option<DateTime<Utc>>,
    /// The records of each partition in the order of publication. Offsets may have another order if the broker lost its
    /// data and started again at offset 0.
    pub records: Vec<Record>,
}

#[derive(Clone, Debug)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    /// The header `event-uuid`, or else the payload's UUID; `None` if there is neither.
    pub event: Option<Uuid>,
    /// The header `event-type`.
    pub kind: Option<Kind>,
    /// The key, if it is the UUID of an order.
    pub key: Option<Uuid>,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct DeadLetters {
    pub topic: String,
    pub letters: Vec<DeadLetter>,
}

/// A dead-lettered record: its origin and the error.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The id of the dead letter, such as `order.paid.dlq/0/17`.
    pub id: String,
    /// When the record was dead-lettered. This time distinguishes letters with the same id, after a topic was
    /// recreated.
    pub given_up_at: DateTime<Utc>,
    /// The topic, partition and offset of the original record.
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// False if the record was in an earlier topic of the same name: another record may have its partition and offset
    /// now.
    pub is_current: bool,
    /// The consumer that failed to handle it.
    pub group: String,
    pub event: Option<Uuid>,
    pub error: String,
}

/// A dead letter that an operator discarded. The audit expects no effect of its event on this consumer.
#[derive(Clone, Debug)]
pub struct Discarded {
    /// The id of the dead letter, such as `order.paid.dlq/0/17`.
    pub letter: String,
    /// When the record was dead-lettered.
    pub given_up_at: DateTime<Utc>,
    /// The consumer that failed to handle it.
    pub group: String,
    pub event: Option<Uuid>,
    pub order: Option<Uuid>,
    pub who: String,
    pub why: String,
    pub at: DateTime<Utc>,
}

impl Discarded {
    /// Returns true if this is the discarded letter, and not one with the same id in a recreated topic.
    pub(crate) fn is(&self, letter: &DeadLetter) -> bool {
        self.letter == letter.id && self.given_up_at == letter.given_up_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_of_an_order_has_the_ids_of_its_parts() {
        let events = events_of(Uuid::nil(), 2);

        for route in ROUTES.iter().filter(|route| route.key == Key::Order) {
            let ids = events.iter().filter(|(kind, _)| *kind == route.kind).count();
            assert_eq!(ids > 1, route.has_parts, "add the parts of {} to `events_of`", route.kind);
        }
    }
}
