//! The traits of event types, which the catalogue implements.

use std::fmt;

use uuid::Uuid;

use super::Route;
use crate::ids::{OrderId, UserId};

/// A message type that a service publishes, with its route and the fields from which its id is derived.
pub trait Published: prost::Message + Default + fmt::Debug {
    const ROUTE: Route;

    /// The value of the header `event-type`, such as `events.v1.OrderPaid`.
    const TYPE: &'static str = Self::ROUTE.kind;

    /// Sets the event id. The default does nothing: messages that are defined outside this system have no field for the
    /// id.
    #[must_use]
    fn with_uuid(self, _uuid: String) -> Self {
        self
    }

    /// The part of the event id that distinguishes this event from others of its type and key, if there is one.
    fn part(&self) -> Option<String> {
        None
    }
}

/// A type of event that the services of this system exchange.
pub trait Event: Published {
    type Subject: Subject;

    fn event_uuid(&self) -> &str;
    /// Parses the subject. An error names the field that is not a uuid.
    fn subject(&self) -> Result<Self::Subject, InvalidUuid>;

    /// Describes a field whose value the contract does not define, if there is one.
    fn unknown_value(&self) -> Option<String> {
        None
    }
}

/// The entity that an event is about.
pub trait Subject: Copy + fmt::Debug + Send + Sync {
    /// The partition key. Events with the same key keep their order.
    fn key(&self) -> Uuid;
    /// The user whom the event concerns.
    fn user(&self) -> UserId;
}

/// An order and the user who placed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderOf {
    pub order: OrderId,
    pub user: UserId,
}

impl OrderOf {
    pub(super) fn parse(order: &str, user: &str) -> Result<Self, InvalidUuid> {
        let order = OrderId::new(uuid("order_uuid", order)?);
        Ok(Self { order, user: UserId::new(uuid("user_uuid", user)?) })
    }
}

impl Subject for OrderOf {
    fn key(&self) -> Uuid {
        self.order.uuid()
    }

    fn user(&self) -> UserId {
        self.user
    }
}

/// The key is the customer's uuid, which is also the uuid of its user.
impl Subject for UserId {
    fn key(&self) -> Uuid {
        self.uuid()
    }

    fn user(&self) -> UserId {
        *self
    }
}

/// The name of the field that should hold a uuid, but does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}: must be a uuid")]
pub struct InvalidUuid(pub &'static str);

pub(super) fn uuid(field: &'static str, value: &str) -> Result<Uuid, InvalidUuid> {
    Uuid::try_parse(value).map_err(|_| InvalidUuid(field))
}
