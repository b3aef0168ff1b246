//! Tests of the consumer of `DeliveryStatusUpdated`, with records as the topic has them.

use contracts::{
    events::{DeliveryStatusUpdated, group, record},
    ids::OrderId,
};
use order::consumers;
use platform::kafka::{Failure, Handler as _, Message};

use super::{order, updated};
use crate::ids;
use crate::shop::Shop;

const GROUP: &str = group::<DeliveryStatusUpdated>("order");

async fn handle(shop: &Shop, order: OrderId, event: DeliveryStatusUpdated) -> Result<(), Failure> {
    let message = Message { payload: record(order.uuid(), event).payload, ..Message::default() };
    consumers::delivery_status_updated(shop.deliveries()).handle(&message).await
}

#[tokio::test]
async fn a_wrong_event_is_poison_that_names_the_field_and_not_the_value() {
    let shop = Shop::open();
    let order = order(&shop).await;
    let right = || updated(order, shop.user, "PENDING");
    let stranger = ids::user().to_string();
    let cases = [
        ("user_uuid", DeliveryStatusUpdated { user_uuid: stranger.clone(), ..right() }),
        ("delivery_uuid", DeliveryStatusUpdated { delivery_uuid: "seven".to_owned(), ..right() }),
        ("status", DeliveryStatusUpdated { status: "LOST".to_owned(), ..right() }),
        ("estimated_date", DeliveryStatusUpdated { estimated_date: "tomorrow".to_owned(), ..right() }),
    ];

    for (field, event) in cases {
        let failure = handle(&shop, order, event).await.unwrap_err();

        let Failure::Poison(reason) = failure else { panic!("{field}: {failure:?}") };
        assert!(reason.contains(field), "{reason}");
        assert!(![&stranger[..], "seven", "LOST", "tomorrow"].iter().any(|value| reason.contains(value)), "{reason}");
    }
    assert_eq!(shop.find(order).await.delivery, None);
    assert!(shop.orders.inbox.events(GROUP).is_empty());
}
