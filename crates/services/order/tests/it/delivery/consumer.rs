//! Tests of the consumer of `DeliveryStatusUpdated`, with records as the topic has them.

use contracts::{
    events::{DeliveryStatusUpdated, group, record},
    ids::OrderId,
};
use order::consumers;
use platform::kafka::{Failure, Handler as _, Message};
use uuid::Uuid;

use super::order;
use crate::ids;
use crate::shop::Shop;

const GROUP: &str = group::<DeliveryStatusUpdated>("order");

fn updated(shop: &Shop, order: OrderId, status: &str) -> DeliveryStatusUpdated {
    DeliveryStatusUpdated {
        order_uuid: order.to_string(),
        user_uuid: shop.user.to_string(),
        delivery_uuid: Uuid::from_u128(7).to_string(),
        status: status.to_owned(),
        tracking_number: "A1B2C3D4E5F6".to_owned(),
        estimated_date: "2026-11-24".to_owned(),
        ..DeliveryStatusUpdated::default()
    }
}

async fn handle(shop: &Shop, order: OrderId, event: DeliveryStatusUpdated) -> Result<(), Failure> {
    let message = Message { payload: record(order.uuid(), event).payload, ..Message::default() };
    consumers::delivery_status_updated(shop.deliveries()).handle(&message).await
}

#[tokio::test]
async fn a_wrong_event_is_poison_that_names_the_field_and_not_the_value() {
    let shop = Shop::open();
    let order = order(&shop).await;
    let right = || updated(&shop, order, "PENDING");
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
