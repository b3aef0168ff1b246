//! Event types with their topics and consumer groups, and their conversion to outbox rows and from Kafka records.

#[macro_use]
mod event;

mod catalogue;
mod closed;
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
pub use event::{Event, InvalidUuid, OrderOf, Published, Subject, record};
pub use json::{filled, json, message_json};
pub use messaging::{Messaging, Subscription};
use platform::kafka::{Failure, HEADER_EVENT_TYPE, Message};
pub use rights::{JOURNAL, broker_users, rights};
pub use routes::{Consumer, InboundTopic, Key, Route, group, producers, readers, route_of, topics_of};
pub use topic_names::{Topic, Topics};

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
    use uuid::Uuid;

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
    fn what_an_older_writer_did_not_know_is_left_out() {
        let order = Uuid::from_u128(1);
        let uuid = outbox::event_uuid(order, OrderPaid::TYPE, None).to_string();
        // The event has only its first three fields, and the record has no headers.
        let event = OrderPaid { event_uuid: uuid, ..paid(order, Uuid::from_u128(2)) };

        let read = read::<OrderPaid>(&message(prost::Message::encode_to_vec(&event))).unwrap();

        assert_eq!((read.subject.order.uuid(), read.event.payment_method.as_str()), (order, ""));
    }

    #[test]
    fn another_type_and_a_value_that_the_contract_does_not_have_are_poison() {
        let id = Uuid::from_u128(1);
        let mut of_another_type = message(record(id, paid(id, id)).payload);
        of_another_type.headers.push_text("event-type", "events.v1.Unheard");
        let barter = OrderPaid { payment_method: "BARTER".to_owned(), ..paid(id, id) };
        let (order_uuid, user_uuid) = (id.to_string(), id.to_string());
        let whim = OrderCancelled { order_uuid, user_uuid, reason: 99, ..OrderCancelled::default() };

        assert!(matches!(read::<OrderPaid>(&of_another_type), Err(Failure::Poison(_))));
        assert!(matches!(read::<OrderPaid>(&message(record(id, barter).payload)), Err(Failure::Poison(_))));
        assert!(matches!(read::<OrderCancelled>(&message(record(id, whim).payload)), Err(Failure::Poison(_))));
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
}
