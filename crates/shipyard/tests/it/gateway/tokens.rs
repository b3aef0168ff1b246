//! The gateway refuses the tokens of services, which only services present to each other.

use contracts::proto::inventory::v1::{ListPartsRequest, inventory_service_client::InventoryServiceClient};
use platform::auth::ServiceKey;
use reqwest::Method;
use tonic::{Code, Request, transport::Endpoint};

use super::fixture::Fixture;
use crate::{customer::send, system::System};

pub fn token(service: &'static str) -> String {
    let key = ServiceKey::new("order", &testkit::SERVICE_KEY.into()).unwrap();
    format!("Bearer {}", key.token(service).unwrap())
}

#[tokio::test]
async fn a_token_of_a_service_is_refused_at_every_public_port() {
    let system = System::shared().await;
    let Some(gateway) = Fixture::start(system, 0).await else { return };
    let list = async |address: String, token: &str| {
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        let mut request = Request::new(ListPartsRequest::default());
        request.metadata_mut().insert("authorization", token.parse().unwrap());
        InventoryServiceClient::new(channel).list_parts(request).await
    };

    let token = token("inventory");
    let directly = list(system.address(&inventory::SERVICE).to_string(), &token).await;
    assert!(directly.is_ok(), "the token is valid: {directly:?}");
    // The header {"typ":"JWT","alg":"HS256","x":"\"alg\":\"ES256\""} has the other algorithm in a text.
    let (_, rest) = token.split_once('.').unwrap();
    let disguised = format!("Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsIngiOiJcImFsZ1wiOlwiRVMyNTZcIiJ9.{rest}");
    for token in
        [token.as_str(), &token.replace("Bearer", "bearer"), &disguised, "Basic YTpi", "Bearer a.b.c", "Bearer"]
    {
        let refused = list(gateway.address(contracts::ports::INVENTORY).to_string(), token).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{token}: {refused:?}");
        for (method, path) in [(Method::GET, "/api/v1/inventory/parts"), (Method::POST, "/api/v1/iam/login")] {
            let response = send(gateway.request(method, path).header("Authorization", token)).await;
            response.problem(401, "INVALID_SESSION");
        }
    }
    assert!(gateway.asked().is_empty(), "the gateway refuses them itself");
    // The gateway passes a user's token, {"typ":"at+jwt","alg":"ES256"}, to the service, which verifies it.
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let users = format!("{scheme} eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl");
        let judged = list(gateway.address(contracts::ports::INVENTORY).to_string(), &users).await.unwrap_err();
        assert_ne!(judged.message(), "invalid token", "{scheme}: {judged:?}");
    }
}
