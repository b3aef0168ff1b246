//! What every type of event tells the machinery: where it is published, what it is about, how its uuid is made.

use std::fmt;

use uuid::Uuid;

use super::Topics;

/// A type of message that a service publishes: where, and which of its fields make its uuid.
pub trait Published: prost::Message + Default {
    /// The header `event-type`, such as `events.v1.OrderPaid`.
    const TYPE: &'static str;

    fn topic(topics: &Topics) -> &str;

    /// The message with its uuid, once that is known. A message that others define has no field for it.
    #[must_use]
    fn with_uuid(self, _uuid: String) -> Self {
        self
    }

    /// Distinguishes the events of this type and key, where a key can have several; a part of the uuid.
    fn part(&self) -> Option<String> {
        None
    }
}

/// One type of event between our services: what it is about, and how its envelope is read.
pub trait Event: Published {
    /// The entity that the event is about.
    type Subject: Subject;

    fn event_uuid(&self) -> &str;
    /// Parses the subject. An error names the field that is no uuid.
    fn subject(&self) -> Result<Self::Subject, InvalidUuid>;

    /// A field whose value is none of those that the contract has.
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
