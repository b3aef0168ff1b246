//! Tests that no log line and no event contains an order's address.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use contracts::events::OrderOf;
use order::{api, model::DeliveryStatus};
use platform::{
    auth::{Guard, MemorySessions, ServiceKey},
    server::readiness::Readiness,
};
use serde_json::{Value, json};
use testkit::MemoryLog;
use tower::ServiceExt as _;
use tracing::Level;

use super::{carried, told};
use crate::ids;
use crate::shop::Shop;

/// An address that occurs in no other text.
const SECRET: &str = "Secretstreet 42";

#[tokio::test]
async fn an_address_is_in_no_log_line_and_no_event() {
    let (log, _guard) = MemoryLog::capture(Level::TRACE);
    let shop = Shop::open();
    let sessions = MemorySessions::default();
    sessions.open("session", shop.user.uuid());
    let key = ServiceKey::new("order", &testkit::SERVICE_KEY.into()).unwrap();
    let guard = Guard::new(Arc::new(sessions), key, &api::RULES);
    let router = api::router(shop.api(), guard, Readiness::default(), 10);
    let send = async |method: &str, path: &str, body: Value| {
        let request =
            Request::builder().method(method).uri(path).header("Host", "x").header("X-Session-Uuid", "session");
        let request = request.header("Content-Type", "application/json").body(Body::from(body.to_string())).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        serde_json::from_slice::<Value>(&to_bytes(answer.into_body(), usize::MAX).await.unwrap()).unwrap_or_default()
    };
    let order =
        |address: &str| json!({ "user_uuid": shop.user, "part_uuids": [shop.engine], "delivery_address": address });

    send("POST", "/api/v1/orders", order(&format!("{SECRET}\n"))).await;
    send("POST", "/api/v1/orders", order(&SECRET.repeat(100))).await;
    let created = send("POST", "/api/v1/orders", order(SECRET)).await;
    let path = format!("/api/v1/orders/{}", created["order_uuid"].as_str().unwrap());
    let uuid = contracts::ids::OrderId::new(created["order_uuid"].as_str().unwrap().parse().unwrap());
    send("POST", &format!("{path}/pay"), json!({ "payment_method": "CARD" })).await;
    let subject = OrderOf { order: uuid, user: shop.user };
    shop.deliveries().status_updated(ids::cause(), subject, told(DeliveryStatus::Pending)).await.unwrap();
    shop.delivery.set_away(true);
    send("GET", &format!("{path}/delivery"), Value::Null).await;
    shop.delivery.set_away(false);
    shop.delivery.put(uuid, carried());
    send("GET", &format!("{path}/delivery"), Value::Null).await;
    let shown = send("GET", &path, Value::Null).await;
    let destination = shop.deliveries().destination(uuid).await.unwrap();
    tracing::info!(order = ?shop.find(uuid).await, ?destination, "as a developer might log it");

    assert_eq!(shown["delivery_address"], SECRET, "the user is shown it");
    let log = log.text();
    assert!(log.contains("order created") && log.contains("order paid") && log.contains("as a developer"), "{log}");
    assert!(!log.contains("Secretstreet"), "{log}");
    for (event, _) in shop.orders.outbox.events() {
        assert!(!String::from_utf8_lossy(&event.payload).contains("Secretstreet"), "{}", event.kind);
    }
}
