//! Who takes which event: what the auditor and the replay after a restart hold against each other.

use events::{AssemblyFailed, Event as _, OrderCancelled, OrderCreated, OrderPaid, ShipAssembled};

use crate::services::Service;

/// A consumer group, which is also the name in the inbox of the service's database.
pub type Consumer = (Service, &'static str);

/// The services that have an outbox.
pub const PRODUCERS: [Service; 2] = [Service::Order, Service::Assembly];

/// Every event type with its consumers.
pub const CONSUMERS: [(&str, &[Consumer]); 5] = [
    (OrderCreated::TYPE, &[(Service::Inventory, inventory::service::GROUP_CREATED)]),
    (
        OrderPaid::TYPE,
        &[
            (Service::Assembly, assembly::service::GROUP_PAID),
            (Service::Notification, notification::service::GROUP_PAID),
        ],
    ),
    (
        OrderCancelled::TYPE,
        &[
            (Service::Inventory, inventory::service::GROUP_CANCELLED),
            (Service::Payment, payment::service::GROUP_CANCELLED),
            (Service::Notification, notification::service::GROUP_CANCELLED),
        ],
    ),
    (
        ShipAssembled::TYPE,
        &[
            (Service::Order, order::service::GROUP_ASSEMBLED),
            (Service::Inventory, inventory::service::GROUP_ASSEMBLED),
            (Service::Notification, notification::service::GROUP_ASSEMBLED),
        ],
    ),
    (AssemblyFailed::TYPE, &[(Service::Order, order::service::GROUP_ASSEMBLY_FAILED)]),
];

/// The consumers of an event type; none for a type that is not known.
pub fn of(event_type: &str) -> &'static [Consumer] {
    CONSUMERS.iter().find(|(kind, _)| *kind == event_type).map_or(&[], |(_, consumers)| consumers)
}
