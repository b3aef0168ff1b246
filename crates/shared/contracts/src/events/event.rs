//! The traits of event types. They define the topic, the subject, and the fields from which the event id is derived.

use std::fmt;

use uuid::Uuid;

use super::Topics;

/// A message type that a service publishes. Defines its topic and the fields from which its id is derived.
pub trait Published: prost::Message + Default {
    /// The value of the header `event-type`, such as `events.v1.OrderPaid`.
    const TYPE: &'static str;

    fn topic(topics: &Topics) -> &str;

    /// Sets the event id. The default does nothing, for messages that are defined outside this system and have no field for the id.
    #[must_use]
    fn with_uuid(self, _uuid: String) -> Self {
        self
    }

    /// Returns a part of the event id that distinguishes this event from others of its type and key. `None` adds no such part to the id.
    fn part(&self) -> Option<String> {
        None
    }
}

/// A type of event that the services of this system exchange. Defines its subject and its id.
pub trait Event: Published {
    /// The entity that the event is about.
    type Subject: Subject;

    fn event_uuid(&self) -> &str;
    /// Parses the subject. An error names the field that is not a uuid.
    fn subject(&self) -> Result<Self::Subject, InvalidUuid>;

    /// Returns a description of a field whose value the contract does not define, or `None` if there is no such field.
    fn unknown_value(&self) -> Option<String> {
        None
    }
}

/// The entity that an event is about.
pub trait Subject: Copy + fmt::Debug + Send + Sync {
    /// Returns the partition key. Events with the same key keep their order.
    fn key(&self) -> Uuid;
}

/// The name of a field of an event that should hold a uuid, but does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a uuid")]
pub struct InvalidUuid(pub &'static str);
