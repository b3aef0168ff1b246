//! Routes: the producer and the consumers of each event type, and the properties of its messages.

use std::collections::HashMap;

use platform::kafka::{Failure, Message};
use uuid::Uuid;

use super::{INBOUND, Published, ROUTES, TIMELINE, Topic, Topics};
use crate::ids::{EventId, UserId};

/// A consumer group of a service. The service's inbox stores the group as the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Consumer {
    pub service: &'static str,
    pub group: &'static str,
}

/// The entity whose uuid is the key of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Order,
    Customer,
    User,
}

type ReadId = fn(&Message) -> Result<(EventId, UserId), Failure>;

#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The event type, such as `events.v1.OrderPaid`.
    pub kind: &'static str,
    /// The service that writes the event to its outbox.
    pub producer: &'static str,
    /// The groups that handle the event. [`readers`](Self::readers) adds the console's timeline.
    pub consumers: &'static [Consumer],
    pub key: Key,
    /// True if a key can have several events of this type.
    pub has_parts: bool,
    pub(super) topic: Topic,
    /// `None` for messages that outside programs define, which have no id.
    pub(super) read: Option<ReadId>,
    pub(super) shown: fn(&[u8]) -> Option<String>,
}

/// A topic that outside programs write, and the consumer group that reads it.
#[derive(Clone, Copy, Debug)]
pub struct InboundTopic {
    /// The broker's user with which outside programs write to the topic.
    pub outside: &'static str,
    pub consumer: Consumer,
    /// The service that also writes to the topic, if there is one.
    pub producer: Option<&'static str>,
    pub(super) topic: Topic,
}

/// The services that produce events, each once. Each has an outbox.
pub fn producers() -> impl Iterator<Item = &'static str> {
    let routes: &'static [Route] = const { &ROUTES };
    let is_first = |(n, route): &(usize, &Route)| routes[..*n].iter().all(|other| other.producer != route.producer);
    routes.iter().enumerate().filter(is_first).map(|(_, route)| route.producer)
}

/// `None` for an unknown event type.
pub fn route_of(kind: &str) -> Option<&'static Route> {
    const { &ROUTES }.iter().find(|route| route.kind == kind)
}

/// Every consumer group with each topic that it reads.
pub fn readers(topics: &Topics) -> impl Iterator<Item = (&'static Consumer, &str)> {
    let routes: &'static [Route] = const { &ROUTES };
    let inbound: &'static [InboundTopic] = const { &INBOUND };
    let of_routes =
        routes.iter().flat_map(move |route| route.readers().map(move |reader| (reader, route.topic(topics))));
    of_routes.chain(inbound.iter().map(move |inbound| (&inbound.consumer, inbound.topic(topics))))
}

/// The topic of each event type that `producer` publishes, for its relay.
pub fn topics_of(producer: &str, topics: &Topics) -> HashMap<&'static str, String> {
    let own = ROUTES.iter().filter(|route| route.producer == producer);
    own.map(|route| (route.kind, route.topic(topics).to_owned())).collect()
}

/// Returns the group in which a service consumes events of the type `E`. In a constant, the call does not compile if
/// the service does not consume them.
pub const fn group<E: Published>(service: &str) -> &'static str {
    let consumers = E::ROUTE.consumers;
    let mut n = 0;
    while n < consumers.len() {
        if is_same(consumers[n].service, service) {
            return consumers[n].group;
        }
        n += 1;
    }
    panic!("the catalogue of events does not name this service as a consumer")
}

/// In constants, the operator `==` does not work.
const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut n = 0;
    while n < one.len() && n < other.len() && one[n] == other[n] {
        n += 1;
    }
    n == one.len() && n == other.len()
}

impl Route {
    pub fn topic<'a>(&self, topics: &'a Topics) -> &'a str {
        topics.name(self.topic)
    }

    /// Every consumer group that reads the event: those that handle it, and the console's timeline.
    pub fn readers(&self) -> impl Iterator<Item = &'static Consumer> + use<> {
        self.consumers.iter().chain(self.is_of_order().then_some(const { &TIMELINE }))
    }

    /// The consumers that record the event in their inboxes. Those of the end of an account do not: they remove
    /// personal data, which they may do any number of times.
    pub fn inboxes(&self) -> &'static [Consumer] {
        if self.key == Key::User { &[] } else { self.consumers }
    }

    /// Returns true if the console's timeline reads the event: if it is about an order, and not a message to outside
    /// programs.
    pub fn is_of_order(&self) -> bool {
        self.key == Key::Order && self.read.is_some()
    }

    /// The id of the event of this type with this key and [part](Published::part).
    pub fn event_uuid(&self, key: Uuid, part: Option<&str>) -> Uuid {
        outbox::event_uuid(key, self.kind, part)
    }

    /// Reads an event of this type as its consumers do, and returns its id. `None` if messages of this type have no id.
    pub fn read(&self, message: &Message) -> Option<Result<EventId, Failure>> {
        self.read.map(|read| read(message).map(|(event, _)| event))
    }

    /// Returns the user whom an event of this type concerns, if it can be read.
    pub fn user(&self, message: &Message) -> Option<UserId> {
        self.read?(message).ok().map(|(_, user)| user)
    }

    /// Formats a payload of this type. Returns `None` if the bytes are not such a message.
    pub fn shown(&self, payload: &[u8]) -> Option<String> {
        (self.shown)(payload)
    }
}

impl InboundTopic {
    pub fn topic<'a>(&self, topics: &'a Topics) -> &'a str {
        topics.name(self.topic)
    }
}
