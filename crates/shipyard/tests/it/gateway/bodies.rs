//! Bodies of requests and responses that pass the gateway.

use serde_json::json;

use super::fixture::Fixture;
use crate::{customer::PASSWORD, system::System};

/// `.ci/run` buys a ship through the gateway, with the commands of docs/api-tour.md.
#[tokio::test]
async fn an_rpc_is_json_with_the_names_of_its_proto() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let session = gateway.caller().await.session;

    let parts = gateway.get("/api/v1/inventory/parts?filter.names=Thruster&filter.names=Viewport", &session).await;
    let parts = parts.success(200)["parts"].clone();
    let path = format!("/api/v1/inventory/part/{}", parts[0]["uuid"].as_str().unwrap());
    let one = gateway.get(&path, &session).await.success(200);

    assert_eq!((parts.as_array().unwrap().len(), &one["part"]), (1, &parts[0]));
    // int64 is text, and an enum is its name.
    assert!(one["part"]["stock_quantity"].is_string() && one["part"]["category"].is_string(), "{one}");
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
