//! Tests of the endpoint that receives the provider's events.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use payment::SERVICE;
use tower::ServiceExt as _;

#[tokio::test]
async fn a_process_of_several_services_has_the_route_of_the_providers_events() {
    let variables = [
        ("PAYMENT_DATABASE_URL", "postgres://nobody@127.0.0.1:1/payment"),
        ("KAFKA_BROKERS", "127.0.0.1:1"),
        ("PAYMENT_WEBHOOK_SECRET", "whsec_one"),
    ];
    let settings = testkit::settings().with(variables.map(|(name, value)| (name, value.to_owned())));
    let app = (SERVICE.build)(settings).await.unwrap();

    let unsigned = Request::post("/webhooks/stripe").header("Host", "payment").body(Body::empty()).unwrap();
    let response = app.admin().oneshot(unsigned).await.unwrap();

    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}
