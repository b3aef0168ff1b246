//! Tests of a request that reaches its time limit, over in-memory implementations.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode},
};
use order::{client::Fault, model::Status};
use platform::{auth::MemorySessions, http::REQUEST_TIMEOUT};
use serde_json::Value;
use tokio::time::Instant;
use tower::ServiceExt as _;

use crate::shop::{Shop, router};

async fn json(response: Response<Body>) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_meets_the_limit_with_its_attempt_open_is_unknown() {
    let shop = Shop::open();
    let order = shop.order().await;
    let sessions = MemorySessions::default();
    sessions.open("session", shop.user.uuid());
    let router = router(shop.api(), Arc::new(sessions), 10);
    let pay = || {
        let request = Request::post(format!("/api/v1/orders/{order}/pay"))
            .header("Host", "x")
            .header("X-Session-Uuid", "session")
            .header("Idempotency-Key", "key")
            .header("Content-Type", "application/json")
            .body(Body::from(r#"{"payment_method":"CARD"}"#));
        router.clone().oneshot(request.unwrap())
    };
    shop.payments.script(Fault::Hung);

    let start = Instant::now();
    let hung = pay().await.unwrap();
    let elapsed = start.elapsed();
    let open = shop.find(order).await;
    let retried = pay().await.unwrap();

    let status = hung.status();
    let problem = json(hung).await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &Value::from("PAYMENT_OUTCOME_UNKNOWN")));
    assert!(elapsed < REQUEST_TIMEOUT, "{elapsed:?}");
    assert_eq!((open.status, open.attempt.map(|attempt| attempt.number)), (Status::PendingPayment, Some(1)));
    assert_eq!(retried.status(), StatusCode::OK, "the key goes on with its attempt at once");
    assert_eq!((shop.find(order).await.status, shop.payments.charges(order)), (Status::Paid, 1));
}
