//! Orders of the shop, from their payment to their arrival.

use contracts::{
    events::{DeliveryStatusUpdated, OrderCancelled, OrderCreatedIntegrationEvent, OrderPaid, ShipAssembled},
    proto::delivery::v1::{GetDeliveryStatusRequest, GetDeliveryStatusResponse},
};
use platform::ids;
use testkit::eventually;
use tokio::time::{Duration, sleep};
use tonic::Code;
use uuid::Uuid;

use super::Fixture;

fn paid(order: Uuid, user: Uuid) -> OrderPaid {
    let (order_uuid, user_uuid) = (order.to_string(), user.to_string());
    OrderPaid { order_uuid, user_uuid, deliver: true, ..OrderPaid::default() }
}

fn assembled(order: Uuid, user: Uuid) -> ShipAssembled {
    ShipAssembled { order_uuid: order.to_string(), user_uuid: user.to_string(), ..ShipAssembled::default() }
}

fn cancelled(order: Uuid, user: Uuid) -> OrderCancelled {
    let (order_uuid, user_uuid) = (order.to_string(), user.to_string());
    OrderCancelled { order_uuid, user_uuid, reason: 3, paid: true, ..OrderCancelled::default() }
}

impl Fixture {
    /// Returns an order that goes to (5, 3), and its user.
    fn order(&self) -> (Uuid, Uuid) {
        let order = ids::ordered();
        self.outside.addresses.lock().expect("no test panics").insert(order.to_string(), ("Main Street".to_owned(), 2));
        self.outside.cells.lock().expect("no test panics").insert("Main Street".to_owned(), (5, 3));
        (order, ids::random())
    }

    async fn status(&self, order: Uuid) -> Option<GetDeliveryStatusResponse> {
        let request = GetDeliveryStatusRequest { order_id: order.to_string() };
        Some(self.client(Some("order")).get_delivery_status(request).await.ok()?.into_inner())
    }

    async fn reached(&self, order: Uuid, status: &str) -> GetDeliveryStatusResponse {
        eventually(|| async { self.status(order).await.filter(|found| found.status == status) }).await
    }

    async fn published(&self, order: Uuid) -> Vec<String> {
        self.events::<DeliveryStatusUpdated>(order).await.into_iter().map(|event| event.status).collect()
    }

    /// Waits until as many statuses are published as expected, and compares them.
    async fn has_published(&self, order: Uuid, expected: &[&str]) {
        let published = eventually(|| async {
            let published = self.published(order).await;
            (published.len() >= expected.len()).then_some(published)
        })
        .await;
        assert_eq!(published, expected);
    }
}

#[tokio::test]
async fn a_ship_is_delivered_to_its_address() {
    let fixture = Fixture::new("50ms").await;
    let (order, user) = fixture.order();

    fixture.publish(order, paid(order, user)).await;
    let pending = fixture.reached(order, "PENDING").await;
    fixture.publish(order, assembled(order, user)).await;
    let delivered = fixture.reached(order, "DELIVERED").await;

    assert_eq!((pending.progress, pending.current_location.as_str(), &pending.courier), (0, "Processing", &None));
    assert_eq!((delivered.progress, delivered.current_location.as_str()), (100, "Delivered to address"));
    assert_eq!((&pending.delivery_id, &pending.tracking_number), (&delivered.delivery_id, &delivered.tracking_number));
    fixture.has_published(order, &["PENDING", "IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED"]).await;
    let events = fixture.events::<DeliveryStatusUpdated>(order).await;
    let uuids: std::collections::HashSet<_> = events.iter().map(|event| &event.event_uuid).collect();
    assert_eq!(uuids.len(), 4);
    assert!(events.iter().all(|event| event.user_uuid == user.to_string()));
    let types: Vec<_> = eventually(|| async {
        let messages = fixture.kafka.messages(&fixture.kafka.topic::<OrderCreatedIntegrationEvent>()).await;
        (messages.len() == 2).then_some(messages)
    })
    .await
    .into_iter()
    .map(|message| message.headers["event-type"].to_owned())
    .collect();
    let expected = ["order.events.OrderCreatedIntegrationEvent", "order.events.OrderCompletedIntegrationEvent"];
    assert_eq!(types, expected);
    // No record contains the address.
    for topic in fixture.kafka.topics().all() {
        for message in fixture.kafka.messages(topic).await {
            assert!(!String::from_utf8_lossy(&message.payload).contains("Main Street"), "{topic}");
        }
    }
}

#[tokio::test]
async fn a_courier_is_shown_on_its_way() {
    let fixture = Fixture::new("1h").await;
    let (order, user) = fixture.order();
    fixture.publish(order, assembled(order, user)).await;
    fixture.publish(order, paid(order, user)).await;

    let carried = eventually(|| async { fixture.status(order).await.filter(|found| found.courier.is_some()) }).await;

    // All three couriers have room; the one by car needs one step from (3, 3).
    let courier = carried.courier.unwrap();
    assert_eq!((courier.name.as_str(), courier.steps_left), ("Авто", 1));
    assert_eq!((carried.status.as_str(), carried.progress), ("OUT_FOR_DELIVERY", 90));
    assert_eq!(carried.current_location, "(3, 3)");
    fixture.has_published(order, &["PENDING", "IN_TRANSIT", "OUT_FOR_DELIVERY"]).await;
}

#[tokio::test]
async fn a_cancelled_order_fails_whichever_event_is_first() {
    let fixture = Fixture::new("1h").await;
    let (first, user) = fixture.order();
    fixture.publish(first, paid(first, user)).await;
    fixture.reached(first, "PENDING").await;
    fixture.publish(first, cancelled(first, user)).await;
    fixture.reached(first, "FAILED").await;
    // The second order is cancelled before its payment arrives. The order service has no address for it, but is not
    // asked.
    let second = ids::ordered();
    fixture.publish(second, cancelled(second, user)).await;
    sleep(Duration::from_millis(500)).await;
    fixture.publish(second, paid(second, user)).await;

    fixture.reached(second, "FAILED").await;

    fixture.has_published(first, &["PENDING", "FAILED"]).await;
    fixture.has_published(second, &["PENDING", "FAILED"]).await;
}

#[tokio::test]
async fn an_order_without_an_address_is_no_delivery() {
    let fixture = Fixture::new("1h").await;
    let (order, user) = (ids::ordered(), ids::random());
    fixture.publish(order, OrderPaid { deliver: false, ..paid(order, user) }).await;
    fixture.publish(order, assembled(order, user)).await;
    // The event says that the order has an address, but the order service has none: the event becomes a dead letter.
    let (unknown, topic) = (ids::ordered(), fixture.kafka.topics().of::<OrderPaid>().to_owned());
    fixture.publish(unknown, paid(unknown, user)).await;

    let letters = fixture.letters(&topic, 1).await;

    assert_eq!(letters[0].key, unknown.to_string().as_bytes());
    assert_eq!(fixture.status(order).await, None);
    assert_eq!(fixture.published(order).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_street_that_geo_refuses_is_a_dead_letter_with_each_code() {
    let fixture = Fixture::new("1h").await;
    let codes = [
        Code::InvalidArgument,
        Code::NotFound,
        Code::OutOfRange,
        Code::FailedPrecondition,
        Code::AlreadyExists,
        Code::DataLoss,
    ];
    for code in codes {
        let (order, street) = (ids::ordered(), format!("{code:?}"));
        fixture.outside.addresses.lock().unwrap().insert(order.to_string(), (street.clone(), 2));
        fixture.outside.refused.lock().unwrap().insert(street, code);
        fixture.publish(order, paid(order, ids::random())).await;
    }

    let letters = fixture.letters(fixture.kafka.topics().of::<OrderPaid>(), codes.len()).await;

    assert_eq!(letters.len(), codes.len());
    assert!(letters.iter().flat_map(|letter| letter.headers.texts()).all(|(_, text)| !text.contains("is refused")));
}

#[tokio::test]
async fn crashes_lose_no_delivery_and_repeat_no_status() {
    let mut fixture = Fixture::new("100ms").await;
    let orders: Vec<_> = (0..6).map(|_| fixture.order()).collect();
    for (order, user) in &orders {
        fixture.publish(*order, paid(*order, *user)).await;
        fixture.publish(*order, assembled(*order, *user)).await;
    }

    for delay in [300, 700, 450] {
        sleep(Duration::from_millis(delay)).await;
        fixture.crash().await;
    }

    for (order, _) in &orders {
        fixture.reached(*order, "DELIVERED").await;
        let all = ["PENDING", "IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED"];
        // Publishing is at-least-once: the topic may have an event twice, with the same uuid.
        eventually(|| async {
            let mut events = fixture.events::<DeliveryStatusUpdated>(*order).await;
            let mut seen = std::collections::HashSet::new();
            events.retain(|event| seen.insert(event.event_uuid.clone()));
            let statuses: Vec<_> = events.iter().map(|event| event.status.as_str()).collect();
            (statuses == all).then_some(())
        })
        .await;
    }
    let couriers = fixture.couriers(|couriers| couriers.iter().all(|one| one.get("order_id").is_none())).await;
    assert_eq!(couriers.len(), 3);
}
