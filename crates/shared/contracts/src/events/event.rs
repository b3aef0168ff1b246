//! The traits of event types, and the macro `events!`, which implements them for the events of the catalogue and builds
//! the table of their routes.

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

/// Converts an event to an outbox row. Derives the event id from `key`, the event type and the [part](Published::part);
/// ignores `event_uuid`.
pub fn record<E: Published>(key: Uuid, event: E) -> outbox::Event {
    let uuid = outbox::event_uuid(key, E::TYPE, event.part().as_deref());
    let payload = event.with_uuid(uuid.to_string()).encode_to_vec();
    outbox::Event { uuid, kind: E::TYPE, key, payload }
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

/// Declares events. The module [`catalogue`](super::catalogue) explains the entries.
macro_rules! events {
    (
        in $package:ident::$version:ident {$(
            $event:ident {
                topic: $topic:literal, about: $subject:ident, from: $producer:ident, to: [$($consumer:ident),*]
                $(, part: $part:ident $(above $first:literal)?)?
                $(, closed: [$($field:ident in $set:ident),+])?
            }
        )*}
        without envelope in $outside:ident::$of_outside:ident {$(
            $message:ident { topic: $its_topic:literal, about: $its_subject:ident, from: $its_producer:ident }
        )*}
    ) => {
        $(
            impl super::Published for super::$event {
                const ROUTE: super::Route = super::Route {
                    kind: concat!(stringify!($package), ".", stringify!($version), ".", stringify!($event)),
                    topic: topic!($topic),
                    key: super::Key::$subject,
                    has_parts: !<[&str]>::is_empty(&[$(stringify!($part))?]),
                    producer: stringify!($producer),
                    consumers: &[$(super::Consumer {
                        service: stringify!($consumer),
                        group: respelled!(concat!(stringify!($consumer), "-group-", $topic), b'-', false),
                    }),*],
                    read: Some(super::read_id::<Self>),
                    shown: super::shown::<Self>,
                };

                fn with_uuid(self, uuid: String) -> Self {
                    Self { event_uuid: uuid, ..self }
                }

                $(fn part(&self) -> Option<String> {
                    Some(&self.$part)$(.filter(|part| **part > $first))?.map(ToString::to_string)
                })?
            }

            impl super::Event for super::$event {
                subject!($subject);

                fn event_uuid(&self) -> &str {
                    &self.event_uuid
                }

                $(fn unknown_value(&self) -> Option<String> {
                    [$($set.unknown(stringify!($field), &self.$field)),+].into_iter().flatten().next()
                })?
            }
        )*

        $(
            impl super::Published for super::$message {
                const ROUTE: super::Route = super::Route {
                    kind: concat!(stringify!($outside), ".", stringify!($of_outside), ".", stringify!($message)),
                    topic: topic!($its_topic),
                    key: super::Key::$its_subject,
                    has_parts: false,
                    producer: stringify!($its_producer),
                    consumers: &[],
                    read: None,
                    shown: super::shown::<Self>,
                };
            }
        )*

        /// The id of each event with default values and the key 1.
        #[cfg(test)]
        pub(super) fn default_ids() -> Vec<(&'static str, uuid::Uuid)> {
            let key = uuid::Uuid::from_u128(1);
            let records = [
                $(super::record(key, super::$event::default()),)*
                $(super::record(key, super::$message::default())),*
            ];
            records.into_iter().map(|record| (record.kind, record.uuid)).collect()
        }

        /// The route of every event type.
        pub const ROUTES: [super::Route; [$(stringify!($event),)* $(stringify!($message)),*].len()] =
            [$(<super::$event as super::Published>::ROUTE,)* $(<super::$message as super::Published>::ROUTE),*];
    };
}

/// Implements the subject of an event.
macro_rules! subject {
    (Order) => {
        type Subject = super::OrderOf;

        fn subject(&self) -> Result<super::OrderOf, super::InvalidUuid> {
            super::OrderOf::parse(&self.order_uuid, &self.user_uuid)
        }
    };
    (Customer) => {
        type Subject = crate::ids::UserId;

        fn subject(&self) -> Result<crate::ids::UserId, super::InvalidUuid> {
            super::event::uuid("customer_id", &self.customer_id).map(crate::ids::UserId::new)
        }
    };
    (User) => {
        type Subject = crate::ids::UserId;

        fn subject(&self) -> Result<crate::ids::UserId, super::InvalidUuid> {
            super::event::uuid("user_uuid", &self.user_uuid).map(crate::ids::UserId::new)
        }
    };
}

/// A topic with the variable derived from its name.
macro_rules! topic {
    ($name:literal) => {
        super::Topic { name: $name, variable: respelled!(concat!($name, ".topic.name"), b'_', true) }
    };
}

/// Converts a constant name: replaces its dots, and converts it to upper case with `is_upper`.
macro_rules! respelled {
    ($name:expr, $separator:literal, $is_upper:literal) => {{
        const BYTES: [u8; $name.len()] = crate::events::event::respelled($name, $separator, $is_upper);
        match str::from_utf8(&BYTES) {
            Ok(name) => name,
            Err(_) => panic!("the names of topics and services are ASCII"),
        }
    }};
}

pub(super) const fn respelled<const LENGTH: usize>(name: &str, separator: u8, is_upper: bool) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let mut n = 0;
    while n < LENGTH {
        bytes[n] = match name.as_bytes()[n] {
            b'.' => separator,
            byte if is_upper => byte.to_ascii_uppercase(),
            byte => byte,
        };
        n += 1;
    }
    bytes
}
