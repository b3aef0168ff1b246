//! Tests of refused requests: every status and code of the contract.

use contracts::ids::OrderId;
use order::{client::Fault, error::OrderRefusal};
use platform::ids;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{problem, start};

#[tokio::test]
async fn a_session_is_needed() {
    let api = start(10).await;
    for (method, path) in
        [(Method::POST, "/api/v1/orders"), (Method::GET, "/api/v1/orders/not-a-uuid"), (Method::PUT, "/api/v1/orders")]
    {
        let missing = problem(api.bare(method.clone(), path).send().await.unwrap(), 401, "MISSING_SESSION").await;
        let dead = api.bare(method, path).header("X-Session-Uuid", "dead").send().await.unwrap();
        let dead = problem(dead, 401, "INVALID_SESSION").await;

        assert_eq!(missing["message"], "Authentication required");
        assert_eq!(dead["message"], "Authentication failed");
    }
}

#[tokio::test]
async fn a_wrong_body_is_refused_by_the_name_of_its_member() {
    let api = start(10).await;
    let (user, part) = (api.user, api.part);
    let many = vec![part; 1001];
    let cases = [
        (json!({ "part_uuids": [part] }).to_string(), "user_uuid"),
        (json!({ "user_uuid": user }).to_string(), "part_uuids"),
        (json!({ "user_uuid": "me", "part_uuids": [part] }).to_string(), "user_uuid"),
        (json!({ "user_uuid": user, "part_uuids": [part, "engine"] }).to_string(), "part_uuids[1]"),
        (json!({ "user_uuid": user, "part_uuids": [] }).to_string(), "part_uuids"),
        (json!({ "user_uuid": user, "part_uuids": 7 }).to_string(), "part_uuids"),
        (json!({ "user_uuid": user, "part_uuids": many }).to_string(), "part_uuids"),
        (json!([user, [part]]).to_string(), "body"),
        ("{".to_owned(), "body"),
        (String::new(), "body"),
        (format!("{} {{}}", json!({ "user_uuid": user, "part_uuids": [part] })), "body"),
    ];
    for (body, field) in cases {
        let request = api.request(Method::POST, "/api/v1/orders").header("Content-Type", "application/json");
        let response = request.body(body.clone()).send().await.unwrap();

        let response = problem(response, 400, "INVALID_REQUEST").await;
        assert_eq!(response["field"].as_str(), Some(field), "{body}: {response}");
    }
    let typo = json!({ "user_uuid": user, "part_uuids": [part], "delivery_adress": "1 Main Street" });
    let response = problem(api.post("/api/v1/orders", &typo).send().await.unwrap(), 400, "INVALID_REQUEST").await;
    assert_eq!(response["message"], "delivery_adress: is not known; did you mean delivery_address?");
    let order = api.order().await;
    for method in [json!("CASH"), json!("PAYMENT_METHOD_UNSPECIFIED"), json!(""), json!(1), Value::Null] {
        let response =
            api.post(&format!("/api/v1/orders/{order}/pay"), &json!({ "payment_method": method })).send().await;
        let response = problem(response.unwrap(), 400, "INVALID_REQUEST").await;
        assert_eq!(response["field"], "payment_method", "{method}");
    }
    for path in ["", "/pay", "/cancel"] {
        let method = if path.is_empty() { Method::GET } else { Method::POST };
        let request =
            api.request(method, &format!("/api/v1/orders/not-a-uuid{path}")).json(&json!({ "payment_method": "CARD" }));
        let response = problem(request.send().await.unwrap(), 400, "INVALID_REQUEST").await;
        assert_eq!(response["field"], "order_uuid");
    }
}

#[tokio::test]
async fn what_is_not_there_or_not_the_callers_is_told_apart_as_the_contract_says() {
    let api = start(10).await;
    let order = api.order().await;
    let stranger = ids::random();
    api.sessions.open("stranger", stranger);

    let mismatch = api.post("/api/v1/orders", &json!({ "user_uuid": stranger, "part_uuids": [api.part] }));
    let mismatch = problem(mismatch.send().await.unwrap(), 403, "USER_MISMATCH").await;
    assert_eq!(
        (&mismatch["field"], &mismatch["message"]),
        (&json!("user_uuid"), &json!("user_uuid: must be the caller's"))
    );
    let unknown = api.post("/api/v1/orders", &json!({ "user_uuid": api.user, "part_uuids": [ids::random()] }));
    problem(unknown.send().await.unwrap(), 404, "PART_NOT_FOUND").await;
    for (method, path) in [
        (Method::GET, ""),
        (Method::GET, "/payment"),
        (Method::GET, "/delivery"),
        (Method::POST, "/pay"),
        (Method::POST, "/cancel"),
    ] {
        let theirs = api.bare(method, &format!("/api/v1/orders/{order}{path}")).header("X-Session-Uuid", "stranger");
        let theirs = theirs.json(&json!({ "payment_method": "CARD" })).send().await.unwrap();
        problem(theirs, 404, "ORDER_NOT_FOUND").await;
    }
    let many = api.post("/api/v1/orders", &json!({ "user_uuid": api.user, "part_uuids": vec![api.part; 6] }));
    problem(many.send().await.unwrap(), 409, "OUT_OF_STOCK").await;
    api.inventory.set_full(true);
    let more = api.post("/api/v1/orders", &json!({ "user_uuid": api.user, "part_uuids": [api.part] }));
    let refused = problem(more.send().await.unwrap(), 409, "TOO_MANY_RESERVED").await;
    assert_eq!(refused["field"], "part_uuids");
    assert!(refused["message"].as_str().unwrap().contains(&api.part.to_string()), "{refused}");
}

#[tokio::test]
async fn payments_that_fail_say_how() {
    let api = start(10).await;
    let order = api.order().await;
    let pay = || api.post(&format!("/api/v1/orders/{order}/pay"), &json!({ "payment_method": "CARD" })).send();
    let cancel = || api.request(Method::POST, &format!("/api/v1/orders/{order}/cancel")).send();

    api.payments.script(Fault::Decline(OrderRefusal::PaymentDeclined));
    problem(pay().await.unwrap(), 422, "PAYMENT_DECLINED").await;
    assert!(
        !api.inventory.is_confirmed(OrderId::new(order.parse().unwrap())),
        "the parts of a declined order count as paid"
    );
    api.payments.script(Fault::Decline(OrderRefusal::InsufficientFunds));
    problem(pay().await.unwrap(), 422, "INSUFFICIENT_FUNDS").await;
    api.inventory.set_away(true);
    problem(pay().await.unwrap(), 503, "DEPENDENCY_UNAVAILABLE").await;
    api.inventory.set_away(false);
    api.payments.script(Fault::Lost);
    problem(pay().await.unwrap(), 503, "PAYMENT_OUTCOME_UNKNOWN").await;
    problem(pay().await.unwrap(), 409, "PAYMENT_IN_PROGRESS").await;
    problem(cancel().await.unwrap(), 409, "PAYMENT_IN_PROGRESS").await;
    assert_eq!(api.get(&order).await["status"], "PENDING_PAYMENT");
}

#[tokio::test]
async fn a_reused_key_is_refused_before_all_but_an_invalid_body() {
    let api = start(10).await;
    let (pending, cancelled) = (api.order().await, api.order().await);
    let post = |path: String, body: Value| api.post(&path, &body).header("Idempotency-Key", "used").send();
    let pay = |order: &str| post(format!("/api/v1/orders/{order}/pay"), json!({ "payment_method": "CARD" }));
    let order =
        |parts: Vec<Uuid>| post("/api/v1/orders".to_owned(), json!({ "user_uuid": api.user, "part_uuids": parts }));
    post(format!("/api/v1/orders/{cancelled}/cancel"), json!({})).await.unwrap();

    for order in [&ids::random().to_string(), &cancelled, &pending] {
        problem(pay(order).await.unwrap(), 422, "IDEMPOTENCY_KEY_REUSED").await;
    }
    for parts in [vec![ids::random()], vec![api.part; 6], vec![api.part]] {
        problem(order(parts).await.unwrap(), 422, "IDEMPOTENCY_KEY_REUSED").await;
    }
    problem(order(Vec::new()).await.unwrap(), 400, "INVALID_REQUEST").await;
    let theirs = json!({ "user_uuid": ids::random(), "part_uuids": [api.part] });
    problem(post("/api/v1/orders".to_owned(), theirs).await.unwrap(), 422, "IDEMPOTENCY_KEY_REUSED").await;
    assert_eq!(api.get(&pending).await["status"], "PENDING_PAYMENT");
}
