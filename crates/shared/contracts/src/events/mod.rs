//! Event types with their topics and consumer groups, and the conversion of events to outbox rows and from Kafka records.

#[macro_use]
mod declare;

mod catalogue;
mod closed;
mod event;
mod json;
mod messaging;
#[cfg(test)]
mod names;
mod rights;
mod routes;
mod topic_names;

pub use crate::proto::{events::v1::*, order::events::*};
pub use catalogue::{
    BASKET_CONFIRMED, BASKET_PART, CUSTOMER_REASONS, DELIVERY_STATUSES, INBOUND, KYC_STATUSES, LOAN_APPROVED, ORDERS,
    PAYMENT_OUTCOMES, ROUTES, TIMELINE,
};
pub use event::{Event, InvalidUuid, OrderOf, Published, Subject};
pub use json::{filled, json, message_json};
pub use messaging::{Messaging, Subscription};
use platform::{
    kafka::{Failure, HEADER_EVENT_TYPE, Message},
    outbox,
};
pub use rights::{JOURNAL, broker_users, rights};
pub use routes::{Consumer, Inbound, Key, Route, group, producers, readers, route_of, topics_of};
pub use topic_names::{Topic, Topics};
use uuid::Uuid;

use crate::ids::{EventId, UserId};

/// The event that causes a change, and the consumer group that handles it. The statement that makes the change records
/// both in the inbox, so that a redelivered event changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cause {
    pub consumer: &'static str,
    pub event: EventId,
}

/// An event from a topic, with its validated ids.
#[derive(Clone, Debug)]
pub struct Received<E: Event> {
    pub id: EventId,
    pub subject: E::Subject,
    pub event: E,
}

/// Converts an event to an outbox row. Derives the event id from `key`, the event type and the [part](Published::part);
/// ignores `event_uuid`.
pub fn record<E: Published>(key: Uuid, event: E) -> outbox::Event {
    let uuid = outbox::event_uuid(key, E::TYPE, event.part().as_deref());
    let payload = event.with_uuid(uuid.to_string()).encode_to_vec();
    outbox::Event { uuid, kind: E::TYPE, key, payload }
}

/// Reads an event of the type `E`. A record that is not such an event is poison.
///
/// Skips unknown fields, so that a consumer can read the events of a newer producer. Reads a record without the header
/// `event-type` as an event of the type `E`.
///
/// An unknown value is poison to every consumer, even one that does not use the field. Otherwise only some consumers
/// would act on the event, which is worse than none.
pub fn read<E: Event>(message: &Message) -> Result<Received<E>, Failure> {
    if let Some(kind) = message.headers.get(HEADER_EVENT_TYPE).filter(|kind| *kind != E::TYPE) {
        return Err(Failure::poison(format!("event-type is {kind}, not {}", E::TYPE)));
    }
    let event = E::decode(message.payload.as_slice())
        .map_err(|error| Failure::poison(format!("not a protobuf message {}: {error}", E::TYPE)))?;
    if let Some(unknown) = event.unknown_value() {
        return Err(Failure::poison(unknown));
    }
    let poison = |invalid: InvalidUuid| Failure::poison(invalid.to_string());
    let id = event::uuid("event_uuid", event.event_uuid()).map_err(poison)?;
    Ok(Received { id: EventId::new(id), subject: event.subject().map_err(poison)?, event })
}

fn read_id<E: Event>(message: &Message) -> Result<(EventId, UserId), Failure> {
    read::<E>(message).map(|received| (received.id, received.subject.user()))
}

/// Returns `None` if the bytes are not a message of the type `E`.
fn shown<E: Published>(payload: &[u8]) -> Option<String> {
    E::decode(payload).ok().map(|event| format!("{event:#?}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{OrderId, UserId};

    fn paid(order: Uuid, user: Uuid) -> OrderPaid {
        OrderPaid { order_uuid: order.to_string(), user_uuid: user.to_string(), ..OrderPaid::default() }
    }

    fn message(payload: Vec<u8>) -> Message {
        Message { payload, ..Message::default() }
    }

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let (order, user) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let event = record(order, paid(order, user));

        let read = read::<OrderPaid>(&message(event.payload)).unwrap();

        let subject = OrderOf { order: OrderId::new(order), user: UserId::new(user) };
        assert_eq!((read.id, read.subject), (EventId::new(event.uuid), subject));
        assert_eq!(event.kind, "events.v1.OrderPaid");
    }

    #[test]
    fn an_event_has_the_same_uuid_however_often_it_is_made() {
        let order = Uuid::from_u128(1);

        let first = record(order, paid(order, Uuid::from_u128(2)));
        let second = record(order, paid(order, Uuid::from_u128(2)));
        let other = record(order, OrderCancelled::default());

        assert_eq!(first, second);
        assert_ne!(first.uuid, other.uuid);
    }

    #[test]
    fn several_events_of_a_type_and_key_have_a_uuid_each() {
        let order = Uuid::from_u128(1);
        let attempt = |attempt| record(order, PaymentCompleted { attempt, ..PaymentCompleted::default() });
        let status = DeliveryStatusUpdated { status: "DELIVERED".to_owned(), ..DeliveryStatusUpdated::default() };

        assert_ne!(attempt(1).uuid, attempt(2).uuid);
        assert_eq!(attempt(2).uuid, Uuid::new_v5(&order, b"events.v1.PaymentCompleted/2"));
        assert_eq!(record(order, status).uuid, Uuid::new_v5(&order, b"events.v1.DeliveryStatusUpdated/DELIVERED"));
    }

    #[test]
    fn fields_of_a_newer_writer_are_passed_over() {
        let order = Uuid::from_u128(1);
        let mut payload = record(order, paid(order, Uuid::from_u128(2))).payload;
        // Field 100, length-delimited, with the value "new".
        payload.extend([0xa2, 0x06, 3, b'n', b'e', b'w']);

        assert!(read::<OrderPaid>(&message(payload)).is_ok());
    }

    #[test]
    fn what_an_older_writer_did_not_know_is_left_out() {
        let order = Uuid::from_u128(1);
        let uuid = outbox::event_uuid(order, OrderPaid::TYPE, None).to_string();
        // The event has only its first three fields, and the record has no headers.
        let event = OrderPaid { event_uuid: uuid, ..paid(order, Uuid::from_u128(2)) };

        let read = read::<OrderPaid>(&message(prost::Message::encode_to_vec(&event))).unwrap();

        assert_eq!((read.subject.order.uuid(), read.event.payment_method.as_str()), (order, ""));
    }

    #[test]
    fn another_type_is_poison() {
        let order = Uuid::from_u128(1);
        let mut message = message(record(order, paid(order, order)).payload);
        message.headers.push_text("event-type", "events.v1.Unheard");

        assert!(matches!(read::<OrderPaid>(&message), Err(Failure::Poison(_))));
    }

    #[test]
    fn a_value_that_the_contract_does_not_have_is_poison() {
        let order = Uuid::from_u128(1);
        let barter = OrderPaid { payment_method: "BARTER".to_owned(), ..paid(order, order) };
        let (order_uuid, user_uuid) = (order.to_string(), order.to_string());
        let whim = OrderCancelled { order_uuid, user_uuid, reason: 99, ..OrderCancelled::default() };

        let barter = read::<OrderPaid>(&message(record(order, barter).payload));
        let whim = read::<OrderCancelled>(&message(record(order, whim).payload));

        assert!(matches!(barter, Err(Failure::Poison(_))));
        assert!(matches!(whim, Err(Failure::Poison(_))));
    }

    #[test]
    fn each_version_of_a_customer_has_an_event_of_its_own() {
        let id = Uuid::from_u128(1);
        let updated = |version| record(id, CustomerUpdated { version, ..CustomerUpdated::default() });
        let created = |version| record(id, CustomerCreated { version, ..CustomerCreated::default() });

        assert_eq!(updated(2).uuid, Uuid::new_v5(&id, b"events.v1.CustomerUpdated/2"));
        assert_eq!(created(1).uuid, Uuid::new_v5(&id, b"events.v1.CustomerCreated"));
        assert_ne!(created(1).uuid, created(4).uuid);
    }

    #[test]
    fn an_event_names_its_customer_and_only_known_values() {
        let id = Uuid::from_u128(1);
        let event = |status: &str, reason: &str| {
            let (customer_id, kyc_status, reason) = (id.to_string(), status.to_owned(), reason.to_owned());
            let event = CustomerUpdated { customer_id, kyc_status, reason, version: 2, ..CustomerUpdated::default() };
            let payload = record(id, event).payload;
            read::<CustomerUpdated>(&message(payload))
        };

        assert_eq!(event("VERIFIED", "").unwrap().subject, UserId::new(id));
        assert!(event("FAMOUS", "").is_err());
        assert!(event("REJECTED", "ann@example.com").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(payload: Vec<u8>) {
            prop_assert!(!matches!(read::<OrderPaid>(&message(payload)), Err(Failure::Transient(_))));
        }
    }
}
