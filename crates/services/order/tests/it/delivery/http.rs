//! Tests of `delivery_address`, `delivery_status` and the endpoint `…/delivery`, over HTTP and PostgreSQL.

use contracts::{
    events::OrderOf,
    ids::{OrderId, UserId},
};
use order::{model::DeliveryStatus, repository::Deliveries as _};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ADDRESS, carried, reported};
use crate::api::{Api, problem, start};
use crate::ids;
use crate::shop::MAX_VOLUME;

const ORDERS: &str = "/api/v1/orders";
/// The texts that a user may write in an order, each with its maximum length.
const TEXTS: [(&str, usize); 1] = [("delivery_address", 300)];

async fn create(api: &Api, address: Value) -> String {
    let body = json!({ "user_uuid": api.user, "part_uuids": [api.part], "delivery_address": address });
    let response = api.post(ORDERS, &body).send().await.expect("a response");
    assert_eq!(response.status(), 201);
    let created: Value = response.json().await.expect("JSON");
    let members: Vec<_> = created.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["order_uuid", "total_price", "uuid"], "an address adds nothing to the response");
    created["order_uuid"].as_str().expect("a uuid").to_owned()
}

async fn store(api: &Api, order: &str, status: DeliveryStatus) {
    let order = OrderId::new(order.parse().expect("a uuid"));
    let subject = OrderOf { order, user: UserId::new(api.user) };
    api.orders.store_delivery(ids::cause(), subject, &reported(status)).await.expect("the delivery is stored");
}

async fn track(api: &Api, order: &str) -> reqwest::Response {
    api.request(Method::GET, &format!("{ORDERS}/{order}/delivery")).send().await.expect("a response")
}

async fn list(api: &Api) -> Value {
    let page: Value = api.request(Method::GET, ORDERS).send().await.expect("a response").json().await.expect("JSON");
    page["orders"].clone()
}

#[tokio::test]
async fn an_order_shows_its_address_and_then_its_delivery_status() {
    let api = start(10).await;
    let order = create(&api, json!(ADDRESS)).await;

    let before = api.get(&order).await;
    store(&api, &order, DeliveryStatus::Pending).await;
    let after = api.get(&order).await;

    assert_eq!(before["delivery_address"], ADDRESS);
    assert!(before.get("delivery_status").is_none());
    assert_eq!((&after["delivery_address"], &after["delivery_status"]), (&json!(ADDRESS), &json!("PENDING")));
    assert_eq!(after["status"], "PENDING_PAYMENT");
    let listed = &list(&api).await[0];
    assert_eq!((&listed["delivery_address"], &listed["delivery_status"]), (&json!(ADDRESS), &json!("PENDING")));
}

#[tokio::test]
async fn an_order_shows_what_its_user_wrote_as_it_was_sent() {
    let api = start(10).await;
    for (member, max) in TEXTS {
        for text in ["  as sent ", &"й".repeat(max)] {
            let mut body = json!({ "user_uuid": api.user, "part_uuids": [api.part] });
            body[member] = json!(text);
            let created: Value = api.post(ORDERS, &body).send().await.unwrap().json().await.unwrap();

            assert_eq!(api.get(created["order_uuid"].as_str().unwrap()).await[member], text);
            assert_eq!(list(&api).await[0][member], text);
        }
    }
}

#[tokio::test]
async fn an_order_without_an_address_shows_none_and_has_no_delivery() {
    let api = start(10).await;

    for order in [api.order().await, create(&api, Value::Null).await] {
        let shown = api.get(&order).await;
        let members: Vec<_> = shown.as_object().unwrap().keys().collect();
        assert_eq!(members, ["allowed_actions", "order_uuid", "part_uuids", "status", "total_price", "user_uuid"]);
        problem(track(&api, &order).await, 404, "DELIVERY_NOT_FOUND").await;
    }
    for listed in list(&api).await.as_array().unwrap() {
        assert!(listed.get("delivery_address").is_none() && listed.get("delivery_status").is_none(), "{listed}");
    }
}

#[tokio::test]
async fn an_invalid_text_is_refused_by_its_name_and_not_shown() {
    let api = start(10).await;
    let wrong = |max: usize| {
        [
            json!(""),
            json!("   "),
            json!("\u{3000}"),
            json!("x".repeat(max + 1)),
            json!("й".repeat(max + 1)),
            json!("Main Street\n1"),
            json!("Main Street\u{0}"),
            json!(7),
            json!(true),
            json!(["Main Street"]),
            json!({ "street": "Main Street" }),
        ]
    };

    for (member, text) in TEXTS.into_iter().flat_map(|(member, max)| wrong(max).map(|text| (member, text))) {
        let mut body = json!({ "user_uuid": api.user, "part_uuids": [api.part] });
        body[member] = text;
        let response = problem(api.post(ORDERS, &body).send().await.unwrap(), 400, "INVALID_REQUEST").await;

        assert_eq!(response["field"], member, "{body}: {response}");
        assert!(!response.to_string().contains("Main Street"), "{response}");
    }
    assert_eq!(list(&api).await, json!([]));
}

#[tokio::test]
async fn more_parts_than_a_courier_carries_are_refused_with_an_address_alone() {
    let api = start(10).await;
    let order = |parts: usize, address: Option<&str>| {
        let body = json!({ "user_uuid": api.user, "part_uuids": vec![api.part; parts], "delivery_address": address });
        api.post(ORDERS, &body).send()
    };

    let response = order(MAX_VOLUME + 1, Some(ADDRESS)).await.unwrap();
    assert_eq!(problem(response, 400, "INVALID_REQUEST").await["field"], "part_uuids");
    // The stock has five units.
    assert_eq!(order(MAX_VOLUME + 1, None).await.unwrap().status(), 201);
    assert_eq!(
        problem(order(MAX_VOLUME, Some(ADDRESS)).await.unwrap(), 409, "OUT_OF_STOCK").await["field"],
        "part_uuids"
    );
}

#[tokio::test]
async fn the_state_of_a_delivery_is_shown_as_delivery_reports_it() {
    let api = start(10).await;
    let order = create(&api, json!(ADDRESS)).await;
    let uuid = OrderId::new(order.parse().unwrap());

    problem(track(&api, &order).await, 404, "DELIVERY_NOT_FOUND").await;
    api.delivery.put(uuid, carried());
    let carried: Value = track(&api, &order).await.json().await.unwrap();
    let mut waiting = super::carried();
    if let Some(position) = &mut waiting.position {
        position.courier = None;
    }
    api.delivery.put(uuid, waiting);
    let waiting: Value = track(&api, &order).await.json().await.unwrap();

    let without_courier = json!({
        "order_uuid": order,
        "delivery_uuid": Uuid::from_u128(7),
        "status": "IN_TRANSIT",
        "tracking_number": "A1B2C3D4E5F6",
        "estimated_delivery": "2026-11-24",
        "current_location": "(4, 2)",
        "progress": 43,
    });
    let mut with_courier = without_courier.clone();
    with_courier["courier"] = json!({
        "id": Uuid::from_u128(8), "name": "Вело", "speed": 2, "location": { "x": 4, "y": 2 }, "steps_left": 3,
    });
    assert_eq!(carried, with_courier);
    assert_eq!(waiting, without_courier);
}

#[tokio::test]
async fn while_delivery_is_away_the_stored_state_is_shown_as_stale() {
    let api = start(10).await;
    let order = create(&api, json!(ADDRESS)).await;
    api.delivery.set_away(true);

    problem(track(&api, &order).await, 503, "DEPENDENCY_UNAVAILABLE").await;
    store(&api, &order, DeliveryStatus::OutForDelivery).await;
    let response = track(&api, &order).await;
    let status = response.status();
    let stale: Value = response.json().await.unwrap();
    api.delivery.set_away(false);
    api.delivery.put(OrderId::new(order.parse().unwrap()), carried());
    let fresh: Value = track(&api, &order).await.json().await.unwrap();

    assert_eq!(status, 200);
    assert_eq!(
        stale,
        json!({
            "order_uuid": order,
            "delivery_uuid": Uuid::from_u128(7),
            "status": "OUT_FOR_DELIVERY",
            "tracking_number": "A1B2C3D4E5F6",
            "estimated_delivery": "2026-11-24",
            "stale": true,
        })
    );
    assert!(fresh.get("stale").is_none() && fresh["progress"] == 43, "{fresh}");
}
