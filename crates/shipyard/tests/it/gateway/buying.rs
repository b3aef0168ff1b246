//! A client that speaks only HTTP, to one address.

use serde_json::json;
use testkit::eventually;

use super::fixture::Fixture;
use crate::{customer::PASSWORD, system::System};

#[tokio::test]
async fn http_alone_buys_a_ship_through_the_gateway() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let caller = gateway.caller().await;
    let session = caller.session.as_str();

    let whoami = gateway.open("/api/v1/iam/whoami", json!({ "session_uuid": session })).await.success(200);
    let user = gateway.get(&format!("/api/v1/iam/user/{}", caller.user), session).await.success(200);
    let parts = gateway.get("/api/v1/inventory/parts?filter.names=Thruster&filter.names=Viewport", session).await;
    let parts = parts.success(200)["parts"].clone();
    let part = parts[0]["uuid"].as_str().unwrap();
    let one = gateway.get(&format!("/api/v1/inventory/part/{part}"), session).await.success(200);
    let order = json!({ "user_uuid": caller.user, "part_uuids": [part] });
    let order = gateway.post("/api/v1/orders", session, order).await.success(201)["order_uuid"].clone();
    let order = order.as_str().unwrap();
    let pay = json!({ "payment_method": "CARD" });
    gateway.post(&format!("/api/v1/orders/{order}/pay"), session, pay).await.success(200);
    let built = eventually(async || {
        let found = gateway.get(&format!("/api/v1/orders/{order}"), session).await.success(200);
        (found["status"] == "ASSEMBLED").then_some(found)
    })
    .await;
    let assembly = gateway.get(&format!("/api/v1/assembly/{order}"), session).await.success(200);
    let told = eventually(async || {
        let told = gateway.get(&format!("/api/v1/notifications/{order}"), session).await.success(200);
        told["notifications"].as_array().filter(|told| !told.is_empty()).cloned()
    })
    .await;

    assert_eq!(whoami["user"]["info"]["login"], caller.login.as_str(), "{whoami}");
    assert_eq!((&user["user"]["uuid"], &user["user"]["roles"]), (&whoami["user"]["uuid"], &json!([])), "{user}");
    assert_eq!(one["part"], parts[0]);
    // The JSON form: int64 as text, enums by name, empty values included, names as in the proto.
    assert!(one["part"]["stock_quantity"].is_string() && one["part"]["category"].is_string(), "{one}");
    assert_eq!(built["order_uuid"], order);
    assert_eq!(assembly["assembly"]["status"], "ASSEMBLY_STATUS_ASSEMBLED", "{assembly}");
    assert_eq!(told[0]["ambiguous"], false, "{told:?}");

    gateway.open("/api/v1/iam/logout", json!({ "session_uuid": session })).await.success(200);
    gateway.get(&format!("/api/v1/orders/{order}"), session).await.problem(401, "INVALID_SESSION");
}

#[tokio::test]
async fn a_body_of_60_kb_and_a_large_response_pass_the_gateway() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let caller = gateway.caller().await;
    let padding = "x".repeat(60_000);

    let body = json!({ "login": caller.login, "password": PASSWORD, "padding": padding });
    gateway.open("/api/v1/iam/login", body).await.success(200);
    let document = gateway.get("/openapi.json", "").await;

    assert!(document.text.len() > 20_000, "{}", document.text.len());
    let document = document.json();
    for path in ["/api/v1/orders", "/api/v1/iam/login", "/api/v1/inventory/parts"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}
