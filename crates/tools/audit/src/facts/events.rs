//! Events where they are written, carried, taken and buried.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use contracts::events::route_of;
use uuid::Uuid;

/// An event type, `events.v1.OrderPaid`.
pub type Kind = Cow<'static, str>;

/// A type's name, without a copy of its own where it is known.
pub fn kind(name: &str) -> Kind {
    route_of(name).map_or_else(|| Kind::Owned(name.to_owned()), |route| Kind::Borrowed(route.kind))
}

#[derive(Clone, Debug)]
pub struct OutboxRow {
    /// The service whose outbox it is in.
    pub service: &'static str,
    pub event: Uuid,
    pub kind: Kind,
    /// The order.
    pub key: Uuid,
    pub created_at: DateTime<Utc>,
    pub published_at: Option<DateTime<Utc>>,
    /// Since when it is set aside: it cannot be routed, or is behind such a row of its key.
    pub set_aside_at: Option<DateTime<Utc>>,
}

/// The inbox rows of one consumer.
#[derive(Clone, Debug)]
pub struct Inbox {
    pub service: &'static str,
    /// The consumer, which is its group.
    pub consumer: String,
    pub rows: Vec<Received>,
}

#[derive(Clone, Copy, Debug)]
pub struct Received {
    pub event: Uuid,
    pub at: DateTime<Utc>,
}

/// A topic as far as it still has its records.
#[derive(Clone, Debug)]
pub struct Log {
    pub topic: String,
    /// The type of event that it carries.
    pub kind: Kind,
    /// All that was published since then is in it; without it, all that ever was.
    pub complete_since: Option<DateTime<Utc>>,
    pub records: Vec<Record>,
}

#[derive(Clone, Debug)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    /// The header `event-uuid`, else the payload's; nothing where there is neither.
    pub event: Option<Uuid>,
    /// The header `event-type`.
    pub kind: Option<Kind>,
    /// The order, where the key is one.
    pub key: Option<Uuid>,
    pub at: DateTime<Utc>,
}

/// A dead-letter topic.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    pub topic: String,
    pub letters: Vec<DeadLetter>,
}

/// A record that a consumer could not handle: where it came from, and why.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Such as `order.paid.dlq/0/17`.
    pub id: String,
    /// Topic, partition and offset of the record.
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// The consumer that could not handle it.
    pub group: String,
    pub event: Option<Uuid>,
    pub error: String,
}

/// A dead letter that an operator put aside for good: its event is to have no effect on this consumer.
#[derive(Clone, Debug)]
pub struct Discarded {
    /// Such as `order.paid.dlq/0/17`.
    pub letter: String,
    /// The consumer that could not handle it.
    pub group: String,
    pub event: Option<Uuid>,
    pub order: Option<Uuid>,
    pub who: String,
    pub why: String,
    pub at: DateTime<Utc>,
}
