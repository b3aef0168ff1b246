//! Tests that the events of an order without an address have the same bytes as before addresses were introduced.

use contracts::ids::{OrderId, TransactionId, UserId};
use order::model::{Event, PaymentMethod};
use uuid::Uuid;

/// Encodes a text as protobuf does, in the field with this number.
fn text(field: u8, text: &str) -> Vec<u8> {
    [&[field << 3 | 2, u8::try_from(text.len()).expect("a short text")], text.as_bytes()].concat()
}

fn order_paid(deliver: bool) -> outbox::Event {
    let [order, user, transaction] = [1, 2, 3].map(Uuid::from_u128);
    let event = Event::Paid {
        order: OrderId::new(order),
        user: UserId::new(user),
        method: PaymentMethod::Card,
        transaction: TransactionId::new(transaction),
        deliver,
    };
    outbox::Event::from(&event)
}

/// Returns the encoding of the five fields that `OrderPaid` has had from the start.
fn as_before() -> Vec<u8> {
    let event = Uuid::new_v5(&Uuid::from_u128(1), b"events.v1.OrderPaid").to_string();
    [
        text(1, &event),
        text(2, "00000000-0000-0000-0000-000000000001"),
        text(3, "00000000-0000-0000-0000-000000000002"),
        text(4, "CARD"),
        text(5, "00000000-0000-0000-0000-000000000003"),
    ]
    .concat()
}

#[test]
fn the_event_of_a_paid_order_has_one_field_more_if_the_order_has_an_address() {
    assert_eq!(order_paid(false).payload, as_before());
    assert_eq!(order_paid(true).payload, [as_before(), vec![6 << 3, 1]].concat());
}
