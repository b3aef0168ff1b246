//! The traits of event types, which the catalogue implements.

use std::fmt;

use prost::Message as _;
use uuid::Uuid;

use super::{Route, route_of};
use crate::ids::{OrderId, UserId};

/// A message type that a service publishes. Defines its route and the fields from which its id is derived.
pub trait Published: prost::Message + Default + fmt::Debug {
    const ROUTE: Route;

    /// The value of the header `event-type`, such as `events.v1.OrderPaid`.
    const TYPE: &'static str = Self::ROUTE.kind;

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

/// The ids of an event about an order. Every type of such events has them in these fields.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrderEventIds {
    #[prost(string, tag = "1")]
    pub event_uuid: String,
    #[prost(string, tag = "2")]
    pub order_uuid: String,
    #[prost(string, tag = "3")]
    pub user_uuid: String,
}

impl OrderEventIds {
    /// Reads the ids of an event of the type `kind`. `None` if there is no such type of event about orders, or the bytes are no message.
    pub fn read(kind: &str, payload: &[u8]) -> Option<Self> {
        route_of(kind).filter(|route| route.is_of_order())?;
        Self::decode(payload).ok()
    }
}

impl Subject for OrderOf {
    fn key(&self) -> Uuid {
        self.order.uuid()
    }
}

/// The key is the customer's uuid, which is also the uuid of its user.
impl Subject for UserId {
    fn key(&self) -> Uuid {
        self.uuid()
    }
}

/// The name of a field of an event that should hold a uuid, but does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}: must be a uuid")]
pub struct InvalidUuid(pub &'static str);

pub(super) fn uuid(field: &'static str, value: &str) -> Result<Uuid, InvalidUuid> {
    Uuid::try_parse(value).map_err(|_| InvalidUuid(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{ROUTES, json};

    #[test]
    fn the_ids_of_each_type_of_event_about_orders_are_read() {
        let [event_uuid, order_uuid, user_uuid] = ["1", "2", "3"].map(str::to_owned);
        let ids = OrderEventIds { event_uuid, order_uuid, user_uuid };
        let payload = ids.encode_to_vec();
        for route in ROUTES.iter().filter(|route| route.is_of_order()) {
            let read = OrderEventIds::read(route.kind, &payload);
            let event = json(route.kind, &payload).unwrap();

            assert_eq!(read.as_ref(), Some(&ids), "{}", route.kind);
            assert_eq!(
                [&event["event_uuid"], &event["order_uuid"], &event["user_uuid"]],
                ["1", "2", "3"],
                "{}",
                route.kind
            );
        }
        assert_eq!(OrderEventIds::read("events.v1.Unheard", &[]), None);
    }
}
