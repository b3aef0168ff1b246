//! Tests of `/api/orders` over HTTP and PostgreSQL.

use contracts::{
    ids::{OrderId, PartId, UserId},
    money::Money,
};
use order::{client::Fault, error::OrderRefusal, model::PaymentMethod};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::api::{Api, problem, start};
use crate::ids;
use crate::shop::MAX_VOLUME;

const CHECKOUT: &str = "/api/orders";
const PRICE: f64 = 1234.5;

fn body(api: &Api, items: &Value) -> Value {
    json!({ "user_id": api.user, "items": items })
}

async fn post(api: &Api, body: &Value) -> Response {
    api.post(CHECKOUT, body).send().await.expect("a response")
}

async fn get(api: &Api, path: &str) -> Value {
    let response = api.request(Method::GET, path).send().await.expect("a response");
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let text = response.text().await.expect("text");
    assert!(!text.contains("error"), "{text}");
    serde_json::from_str(&text).expect("JSON")
}

/// Creates an order of two pieces of the part, which the request names by UUID. Returns the order's UUID.
async fn create(api: &Api) -> String {
    let response = post(api, &body(api, &json!([{ "product_id": api.part, "quantity": 2, "price": PRICE }]))).await;
    assert_eq!(response.status(), StatusCode::OK);
    let created: Value = response.json().await.expect("JSON");
    created["order_id"].as_str().expect("a uuid").to_owned()
}

/// Checks that the response is an error with this status and code, whose body also has the member `error`. Returns the
/// body.
async fn refused(response: Response, status: u16, code: &str) -> Value {
    let problem = problem(response, status, code).await;
    assert_eq!(problem["error"], problem["message"]);
    problem
}

fn available(api: &Api) -> i64 {
    api.inventory.available(PartId::new(api.part))
}

#[tokio::test]
async fn an_order_is_created_and_shown_by_other_names() {
    let api = start(10).await;
    api.inventory.name(PartId::new(api.part), "Болт M8");
    let items = json!([
        { "product_id": "Болт M8", "quantity": 1, "price": PRICE },
        { "productId": api.part, "quantity": 2, "price": PRICE },
    ]);

    let created = post(&api, &body(&api, &items)).await;
    let status = created.status();
    let text = created.text().await.unwrap();
    let created: Value = serde_json::from_str(&text).unwrap();
    let order = created["order_id"].as_str().unwrap().to_owned();
    let shown = get(&api, &format!("{CHECKOUT}/{order}")).await;
    let same = api.get(&order).await;

    assert_eq!(status, StatusCode::OK);
    assert!(!text.contains("error"), "{text}");
    let members: Vec<_> = created.as_object().unwrap().keys().collect();
    assert_eq!(members, ["message", "order_id", "status"]);
    assert_eq!(created["status"], "PENDING");
    let created_at = shown["created_at"].as_str().unwrap();
    assert!(created_at.ends_with('Z'), "{created_at}");
    let items = json!([{ "product_id": api.part, "quantity": 3, "price": PRICE }]);
    assert_eq!(
        shown,
        json!({ "order_id": order, "user_id": api.user, "status": "PENDING", "items": items, "total_amount": 3703.5, "created_at": created_at })
    );
    assert_eq!((&same["status"], &same["total_price"]), (&json!("PENDING_PAYMENT"), &json!(3703.5)));
    assert_eq!(same["part_uuids"], json!([api.part, api.part, api.part]));
}

#[tokio::test]
async fn the_buyer_is_the_caller_by_uuid_or_login() {
    let api = start(10).await;
    api.users.register(UserId::new(api.user), "ann");
    let items = json!([{ "product_id": api.part, "quantity": 1, "price": PRICE }]);
    let upper = api.user.to_string().to_uppercase();

    for buyer in ["ann", "Ann", "ＡＮＮ", upper.as_str()] {
        let response = post(&api, &json!({ "user_id": buyer, "items": items })).await;
        assert_eq!(response.status(), StatusCode::OK, "{buyer}");
    }
    for other in ["anna", "bob", "", "\u{200b}", &ids::random().to_string()] {
        let response = post(&api, &json!({ "user_id": other, "items": items })).await;
        let problem = refused(response, 403, "USER_MISMATCH").await;
        assert_eq!(
            (&problem["field"], &problem["message"]),
            (&json!("user_id"), &json!("user_id: must be the caller's"))
        );
    }
    assert_eq!(available(&api), 1);
}

#[tokio::test]
async fn the_invalid_member_of_an_order_is_named() {
    let api = start(10).await;
    let item = |quantity: Value| json!({ "product_id": api.part, "quantity": quantity, "price": PRICE });
    let right = json!([item(json!(1))]);
    let wrong = [
        (body(&api, &json!([])), "items"),
        (body(&api, &json!([item(json!(0))])), "items[0].quantity"),
        (body(&api, &json!([item(json!(1)), item(json!(-1))])), "items[1].quantity"),
        (body(&api, &json!([item(json!(1001))])), "items[0].quantity"),
        (body(&api, &json!([item(json!(1.5))])), "items[0].quantity"),
        (body(&api, &json!([item(json!(500)), item(json!(501))])), "items"),
        (body(&api, &json!([{ "quantity": 1, "price": PRICE }])), "items[0].product_id"),
        (body(&api, &json!([{ "product_id": api.part, "quantity": 1, "price": "1" }])), "items[0].price"),
        (json!({ "items": right }), "user_id"),
        (json!({ "user_id": api.user, "items": right, "delivery_address": " " }), "delivery_address"),
        (json!({ "user_id": api.user, "items": right, "delivery_address": "x".repeat(301) }), "delivery_address"),
        (json!({ "user_id": api.user, "items": [item(json!(MAX_VOLUME + 1))], "delivery_address": "x" }), "items"),
    ];
    for (body, field) in wrong {
        let problem = refused(post(&api, &body).await, 400, "INVALID_REQUEST").await;
        assert_eq!(problem["field"], field, "{body}");
    }
    let bad_path = api.request(Method::GET, &format!("{CHECKOUT}/x")).send().await.unwrap();
    assert_eq!(refused(bad_path, 400, "INVALID_REQUEST").await["field"], "order_id");
    assert_eq!(available(&api), 5);
}

#[tokio::test]
async fn an_order_of_a_thousand_items_fits_into_the_body_and_others_keep_their_limit() {
    let api = start(10).await;
    api.inventory.put(PartId::new(api.part), Money::from_minor(123_450).unwrap(), 1000);
    let item = json!({ "product_id": api.part, "quantity": 1, "price": PRICE });
    let long = |bytes: usize| json!({ "user_id": "x".repeat(bytes) });

    let created = post(&api, &body(&api, &json!(vec![item; 1000]))).await;
    let too_long = post(&api, &long(256 * 1024)).await;
    let too_long_for_v1 = api.post("/api/v1/orders", &long(64 * 1024)).send().await.unwrap();

    assert_eq!(created.status(), StatusCode::OK);
    assert_eq!(available(&api), 0);
    let too_long = refused(too_long, 413, "PAYLOAD_TOO_LARGE").await;
    assert_eq!(too_long["message"], "the body is larger than 256 KiB");
    let too_long = problem(too_long_for_v1, 413, "PAYLOAD_TOO_LARGE").await;
    assert_eq!(too_long["message"], "the body is larger than 64 KiB");
}

#[tokio::test]
async fn a_part_that_is_unknown_or_short_is_refused() {
    let api = start(10).await;
    let order = |product: &str, quantity: i32| {
        body(&api, &json!([{ "product_id": product, "quantity": quantity, "price": PRICE }]))
    };
    let part = api.part.to_string();

    for (product, quantity, status, code) in [
        ("No such part", 1, 404, "PART_NOT_FOUND"),
        ("No such\0part", 1, 404, "PART_NOT_FOUND"),
        ("", 1, 404, "PART_NOT_FOUND"),
        (ids::part().to_string().as_str(), 1, 404, "PART_NOT_FOUND"),
        (part.as_str(), 6, 409, "OUT_OF_STOCK"),
    ] {
        let problem = refused(post(&api, &order(product, quantity)).await, status, code).await;
        assert_eq!(problem["field"], "items", "{product}");
        assert!(!problem["message"].as_str().unwrap().contains("No such"), "{problem}");
    }
}

#[tokio::test]
async fn of_several_parts_of_one_name_the_first_is_taken() {
    let api = start(10).await;
    let second = ids::part();
    api.inventory.put(second, Money::from_minor(1).unwrap(), 5);
    api.inventory.name(PartId::new(api.part), "Bolt");
    api.inventory.name(second, "Bolt");

    let response = post(&api, &body(&api, &json!([{ "product_id": "Bolt", "quantity": 1, "price": PRICE }]))).await;

    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!((available(&api), api.inventory.available(second)), (4, 5));
}

#[tokio::test]
async fn another_price_is_refused_and_keeps_nothing() {
    let api = start(10).await;
    for price in [1234.49, 1234.501, 0.0, -1.0, 1e300] {
        let items = json!([{ "product_id": api.part, "quantity": 2, "price": price }]);
        let key = format!("key of {price:e}");
        let ask = || api.post(CHECKOUT, &body(&api, &items)).header("Idempotency-Key", &key).send();

        let first = ask().await.unwrap();
        assert_eq!(first.status(), 409);
        let (first, retry) = (first.bytes().await.unwrap(), ask().await.unwrap());

        let problem = refused(retry, 409, "PRICE_CHANGED").await;
        assert_eq!(problem["field"], "items");
        let first: Value = serde_json::from_slice(&first).unwrap();
        assert_eq!(first["message"], problem["message"]);
    }
    assert_eq!(available(&api), 5);
    let page: Value = api.request(Method::GET, "/api/v1/orders").send().await.unwrap().json().await.unwrap();
    assert_eq!(page["orders"], json!([]));
}

#[tokio::test]
async fn a_retry_under_a_key_creates_one_order() {
    let api = start(10).await;
    let order = body(&api, &json!([{ "product_id": api.part, "quantity": 1, "price": PRICE }]));
    let ask = || api.post(CHECKOUT, &order).header("Idempotency-Key", "key").send();

    let first = ask().await.unwrap().bytes().await.unwrap();
    let retry = ask().await.unwrap().bytes().await.unwrap();

    assert_eq!(first, retry);
    assert_eq!(available(&api), 4);
}

#[tokio::test]
async fn every_problem_has_the_member_error_here_and_nowhere_else() {
    let api = start(10).await;
    let missing = ids::order();

    let unsigned = api.bare(Method::GET, &format!("{CHECKOUT}/{missing}")).send().await.unwrap();
    let unknown = api.request(Method::GET, &format!("{CHECKOUT}/{missing}")).send().await.unwrap();
    let wrong_method = api.request(Method::DELETE, CHECKOUT).send().await.unwrap();
    let nowhere = api.request(Method::GET, &format!("{CHECKOUT}/{missing}/nothing")).send().await.unwrap();
    let v1 = api.request(Method::GET, &format!("/api/v1/orders/{missing}")).send().await.unwrap();

    refused(unsigned, 401, "MISSING_SESSION").await;
    refused(unknown, 404, "ORDER_NOT_FOUND").await;
    refused(wrong_method, 405, "METHOD_NOT_ALLOWED").await;
    refused(nowhere, 404, "NOT_FOUND").await;
    assert!(problem(v1, 404, "ORDER_NOT_FOUND").await.get("error").is_none());
    let busy = start(0).await;
    let response = busy.request(Method::GET, &format!("{CHECKOUT}/{missing}")).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    refused(response, 429, "TOO_MANY_REQUESTS").await;
}

#[tokio::test]
async fn a_declined_order_shows_why_until_its_next_attempt() {
    let api = start(10).await;
    let order = create(&api).await;
    let (uuid, user) = (OrderId::new(order.parse().unwrap()), UserId::new(api.user));
    let status = async || get(&api, &format!("{CHECKOUT}/{order}")).await["status"].clone();
    for (refusal, shown) in
        [(OrderRefusal::InsufficientFunds, "INSUFFICIENT_FUNDS"), (OrderRefusal::PaymentDeclined, "PAYMENT_FAILED")]
    {
        api.payments.script(Fault::Decline(refusal));
        api.service.pay(user, uuid, PaymentMethod::Card, None).await.unwrap_err();
        assert_eq!(status().await, shown);
        assert_eq!(api.get(&order).await["status"], "PENDING_PAYMENT");
    }

    api.service.pay(user, uuid, PaymentMethod::Card, None).await.unwrap();
    let paid = status().await;
    api.service.compensate(ids::cause(), uuid, user).await.unwrap();

    assert_eq!(paid, "PAID");
    assert_eq!(status().await, "CANCELLED");
}

#[tokio::test]
async fn the_delivery_is_shown_by_other_names() {
    let api = start(10).await;
    let items = json!([{ "product_id": api.part, "quantity": 1, "price": PRICE }]);
    let response = post(&api, &json!({ "user_id": api.user, "items": items, "delivery_address": "Main Street" })).await;
    let created: Value = response.json().await.unwrap();
    let order = created["order_id"].as_str().unwrap();
    let path = format!("{CHECKOUT}/{order}/delivery");

    let early = api.request(Method::GET, &path).send().await.unwrap();
    let tracked = crate::delivery::carried();
    let delivery = tracked.delivery.uuid.to_string();
    api.delivery.put(OrderId::new(order.parse().unwrap()), tracked);
    let shown = get(&api, &path).await;

    refused(early, 404, "DELIVERY_NOT_FOUND").await;
    assert_eq!(
        shown,
        json!({
            "order_id": order, "delivery_id": delivery, "status": "IN_TRANSIT", "tracking_number": "A1B2C3D4E5F6",
            "estimated_delivery": "2026-11-24", "current_location": "(4, 2)",
        })
    );
    assert_eq!(api.get(order).await["delivery_address"], "Main Street");
}
