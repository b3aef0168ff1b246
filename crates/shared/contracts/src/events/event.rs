//! The traits of event types: the topic, the subject, and the fields from which the event id is derived.

use std::fmt;

use uuid::Uuid;

use super::Topics;

/// A type of message that a service publishes: its topic, and the fields from which its id is derived.
pub trait Published: prost::Message + Default {
    /// The header `event-type`, such as `events.v1.OrderPaid`.
    const TYPE: &'static str;

    fn topic(topics: &Topics) -> &str;

    /// Sets the event id. A message defined outside this system has no field for it.
    #[must_use]
    fn with_uuid(self, _uuid: String) -> Self {
        self
    }

    /// Distinguishes the events of this type and key if a key can have several; a part of the event id.
    fn part(&self) -> Option<String> {
        None
    }
}

/// A type of event between our services: its subject and its envelope.
pub trait Event: Published {
    /// The entity that the event is about.
    type Subject: Subject;

    fn event_uuid(&self) -> &str;
    /// Parses the subject. An error names the field that is no uuid.
    fn subject(&self) -> Result<Self::Subject, InvalidUuid>;

    /// Describes a field whose value the contract does not define, if there is one.
    fn unknown_value(&self) -> Option<String> {
        None
    }
}

/// The entity that an event is about.
pub trait Subject: Copy + fmt::Debug + Send + Sync {
    /// The partition key: events of one key keep their order.
    fn key(&self) -> Uuid;
}

/// A field of an event that should hold a uuid and does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a uuid")]
pub struct InvalidUuid(pub &'static str);
