//! Tests that the events of an order without an address have the same bytes as before addresses were introduced.

use contracts::ids::{OrderId, TransactionId, UserId};
use order::model::{Event, PaymentMethod};
use platform::outbox;
use uuid::Uuid;

use super::paid;
use crate::shop::Shop;

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
fn the_event_of_a_paid_order_without_an_address_has_the_bytes_of_today() {
    assert_eq!(order_paid(false).payload, as_before());
}

#[test]
fn the_event_of_a_paid_order_with_an_address_has_one_field_more() {
    assert_eq!(order_paid(true).payload, [as_before(), vec![6 << 3, 1]].concat());
}

#[tokio::test]
async fn an_order_is_to_be_delivered_if_it_has_an_address() {
    use prost::Message as _;
    let shop = Shop::open();
    let (with, without) = (paid(&shop).await, shop.order().await);
    shop.service.pay(shop.user, without, PaymentMethod::Card, None).await.unwrap();

    let events = shop.orders.outbox.events();
    let deliver = |order: OrderId| {
        let is_paid = |event: &outbox::Event| event.key == order.uuid() && event.kind == "events.v1.OrderPaid";
        let (event, _) = events.iter().find(|(event, _)| is_paid(event)).unwrap();
        contracts::events::OrderPaid::decode(event.payload.as_slice()).unwrap().deliver
    };

    assert_eq!((deliver(with), deliver(without)), (true, false));
}
