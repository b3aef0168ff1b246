//! Routes: the producer and the consumers of each event type.

use std::collections::HashMap;

use super::{
    AssemblyFailed, CustomerCreated, CustomerUpdated, DeliveryStatusUpdated, Event, OrderCancelled,
    OrderCompletedIntegrationEvent, OrderCreated, OrderCreatedIntegrationEvent, OrderOf, OrderPaid, PaymentCompleted,
    Published, ShipAssembled, Topics,
};

/// A consumer group of a service. The inbox in the service's database also stores this group name as the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Consumer {
    pub service: &'static str,
    pub group: &'static str,
}

/// The route of one event type.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The event type, such as `events.v1.OrderPaid`.
    pub kind: &'static str,
    /// The service that writes the event to its outbox.
    pub producer: &'static str,
    pub consumers: &'static [Consumer],
    /// True if the key is an order's uuid. The console's timeline then has the event.
    pub is_of_order: bool,
    pub(super) topic: fn(&Topics) -> &str,
}

/// The group of the console's timeline, which reads the topics of orders. It has no inbox: a record's place in its topic identifies it.
pub const TIMELINE: Consumer = to("console", "console-group-timeline");

/// The route of every event type. The events of an order come first, in the order in which they usually occur.
pub const ROUTES: [Route; 11] = [
    of_order::<OrderCreated>("order", &[]),
    of_order::<PaymentCompleted>("payment", &[to("order", "order-group-payment-completed")]),
    of_order::<OrderPaid>(
        "order",
        &[
            to("assembly", "assembly-group-order-paid"),
            to("notification", "notification-group-order-paid"),
            to("delivery", "delivery-group-order-paid"),
        ],
    ),
    of_order::<ShipAssembled>(
        "assembly",
        &[
            to("order", "order-group-order-assembled"),
            to("inventory", "inventory-group-order-assembled"),
            to("notification", "notification-group-order-assembled"),
            to("delivery", "delivery-group-order-assembled"),
        ],
    ),
    of_order::<AssemblyFailed>("assembly", &[to("order", "order-group-assembly-failed")]),
    of_order::<OrderCancelled>(
        "order",
        &[
            to("inventory", "inventory-group-order-cancelled"),
            to("payment", "payment-group-order-cancelled"),
            to("notification", "notification-group-order-cancelled"),
            to("delivery", "delivery-group-order-cancelled"),
        ],
    ),
    of_order::<DeliveryStatusUpdated>(
        "delivery",
        &[
            to("order", "order-group-delivery-status-updated"),
            to("notification", "notification-group-delivery-status-updated"),
        ],
    ),
    route::<OrderCreatedIntegrationEvent>("delivery", &[]),
    route::<OrderCompletedIntegrationEvent>("delivery", &[]),
    route::<CustomerCreated>("customers", &[]),
    route::<CustomerUpdated>("customers", &[]),
];

/// A topic that outside programs write, and the consumer group that reads it.
#[derive(Clone, Copy, Debug)]
pub struct Inbound {
    pub consumer: Consumer,
    /// The service of this system that also writes to the topic, if there is one.
    pub producer: Option<&'static str>,
    pub topic: fn(&Topics) -> &str,
}

/// Every topic that outside programs write.
pub const INBOUND: [Inbound; 3] = [BASKET_CONFIRMED, LOAN_APPROVED, ORDERS];

/// Confirmed baskets of another system. The delivery service delivers them as orders.
pub const BASKET_CONFIRMED: Inbound = Inbound {
    consumer: to("delivery", "delivery-service-group"),
    producer: None,
    topic: |topics| &topics.basket_confirmed_topic_name,
};

/// Orders from other shops, as JSON.
pub const ORDERS: Inbound = Inbound {
    consumer: to("intake", "order-service"),
    producer: Some("intake"),
    topic: |topics| &topics.intake_topic_name,
};

/// Loans that a bank has approved. The customers service credits them to customers.
pub const LOAN_APPROVED: Inbound = Inbound {
    consumer: to("customers", "customer-service-group"),
    producer: None,
    topic: |topics| &topics.loan_approved_topic_name,
};

/// Returns the services that produce events, each service once. Each of them has an outbox.
pub fn producers() -> impl Iterator<Item = &'static str> {
    let routes: &'static [Route] = const { &ROUTES };
    let is_first = |(n, route): &(usize, &Route)| routes[..*n].iter().all(|other| other.producer != route.producer);
    routes.iter().enumerate().filter(is_first).map(|(_, route)| route.producer)
}

/// Returns the route of an event type, or `None` for an unknown type.
pub fn route_of(kind: &str) -> Option<&'static Route> {
    const { &ROUTES }.iter().find(|route| route.kind == kind)
}

/// Returns the topic of each event type that `producer` publishes, for its relay.
pub fn topics_of(producer: &str, topics: &Topics) -> HashMap<&'static str, String> {
    let own = ROUTES.iter().filter(|route| route.producer == producer);
    own.map(|route| (route.kind, route.topic(topics).to_owned())).collect()
}

impl Route {
    pub fn topic<'a>(&self, topics: &'a Topics) -> &'a str {
        (self.topic)(topics)
    }
}

const fn route<E: Published>(producer: &'static str, consumers: &'static [Consumer]) -> Route {
    Route { kind: E::TYPE, producer, consumers, is_of_order: false, topic: E::topic }
}

const fn of_order<E: Event<Subject = OrderOf>>(producer: &'static str, consumers: &'static [Consumer]) -> Route {
    Route { is_of_order: true, ..route::<E>(producer, consumers) }
}

const fn to(service: &'static str, group: &'static str) -> Consumer {
    Consumer { service, group }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_a_route() {
        let topics = Topics::default();

        let mut routed: Vec<&str> = ROUTES.iter().map(|route| route.topic(&topics)).collect();
        routed.dedup();
        routed.extend(INBOUND.map(|inbound| (inbound.topic)(&topics)));

        assert_eq!(routed, topics.all());
    }

    #[test]
    fn the_producers_are_those_of_the_routes() {
        let found: Vec<&str> = producers().collect();

        assert!(ROUTES.iter().all(|route| found.contains(&route.producer)));
        assert_eq!(found, ["order", "payment", "assembly", "delivery", "customers"], "each once");
    }

    #[test]
    fn an_unknown_type_has_no_route() {
        assert!(route_of("events.v1.Unheard").is_none());
    }
}
