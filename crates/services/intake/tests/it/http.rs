//! The HTTP API and its pages.

use reqwest::Method;
use serde_json::{Value, json, to_value};
use testkit::fetch;

use crate::fixture::{Fixture, example, order};

#[tokio::test]
async fn an_order_is_placed_and_found_and_its_content_may_not_change() {
    let fixture = Fixture::open().await;

    let placed = fixture.post("/orders", &example(), None).await;

    assert_eq!((placed.status, placed.json()), (202, json!({ "order_uid": "b563feb7b2b84b6test" })));
    fixture.stored(1).await;
    assert_eq!(fixture.get("/orders/b563feb7b2b84b6test").await.json(), example());
    let mut other = example();
    other["locale"] = json!("ru");
    assert_eq!(fixture.post("/orders", &other, None).await.status, 202);
    assert_eq!(fixture.letters(1).await.len(), 1);
    assert_eq!(fixture.get("/orders/b563feb7b2b84b6test").await.json(), example());
}

#[tokio::test]
async fn the_short_form_is_completed_where_the_api_is_open() {
    let fixture = Fixture::open().await;
    let short = json!({ "user_id": 123, "items": [{ "sku": "ABC", "qty": 1 }, { "sku": "DEF", "qty": 2 }] });

    let placed = fixture.post("/orders", &short, None).await;

    assert_eq!(placed.status, 202, "{}", placed.text);
    fixture.stored(1).await;
    let order = fixture.get(&format!("/orders/{}", placed.json()["order_uid"].as_str().unwrap())).await.json();
    let names: Vec<&str> =
        order["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(
        (names, &order["customer_id"], &order["entry"]),
        (vec!["ABC", "DEF", "DEF"], &json!("123"), &json!("DEMO"))
    );
    for (wrong, field) in [
        (json!({ "user_id": "", "items": [{ "sku": "ABC", "qty": 1 }] }), "user_id"),
        (json!({ "user_id": [], "items": [] }), "user_id"),
        (json!({ "user_id": 1, "items": [] }), "items"),
        (json!({ "user_id": 1, "items": [{ "sku": " ", "qty": 1 }] }), "items[0].sku"),
        (json!({ "user_id": 1, "items": [{ "sku": "A", "qty": 3 }, { "sku": "", "qty": 1 }] }), "items[1].sku"),
        (
            json!({ "user_id": 1, "items": [{ "sku": "A", "qty": 2 }, { "sku": "x".repeat(1_001), "qty": 2 }] }),
            "items[1].sku",
        ),
        (json!({ "user_id": 1, "items": [{ "sku": "A", "qty": 0 }] }), "items[0].qty"),
        (json!({ "user_id": 1, "items": [{ "sku": "A", "qty": 600 }, { "sku": "B", "qty": 401 }] }), "items[1].qty"),
        (json!({ "user_id": 1, "items": [{ "sku": "A", "qty": "many" }] }), "items[0].qty"),
    ] {
        let refused = fixture.post("/orders", &wrong, None).await;
        assert_eq!((refused.code(), &refused.json()["field"]), ((400, "INVALID_REQUEST".to_owned()), &json!(field)));
    }
}

#[tokio::test]
async fn an_order_that_becomes_longer_than_a_message_is_refused_like_a_longer_body() {
    let fixture = Fixture::open().await;
    let long = |qty: usize| json!({ "user_id": 1, "items": [{ "sku": "x".repeat(1_000), "qty": qty }] });

    let refused = fixture.post("/orders", &long(1_000), None).await;

    assert_eq!(refused.code(), (413, "PAYLOAD_TOO_LARGE".to_owned()));
    assert_eq!(fixture.post("/orders", &long(500), None).await.status, 202);
    fixture.stored(1).await;
    assert!(fixture.letters(0).await.is_empty());
}

#[tokio::test]
async fn bad_input_is_refused_with_its_path() {
    let fixture = Fixture::open().await;
    let mut free = example();
    free["items"][0]["price"] = json!(0);
    let raw = |body: String, kind: &str| {
        fixture.request(Method::POST, "/orders").header("content-type", kind.to_owned()).body(body)
    };

    let refused = fixture.post("/orders", &free, None).await;
    assert_eq!(
        (refused.code(), &refused.json()["field"]),
        ((400, "INVALID_REQUEST".to_owned()), &json!("items[0].price"))
    );
    let broken = fetch(raw("{\"order_uid\":".to_owned(), "application/json")).await;
    assert_eq!((broken.status, &broken.json()["field"]), (400, &json!("body")));
    let text = fetch(raw(example().to_string(), "text/plain")).await;
    assert_eq!(text.code(), (415, "UNSUPPORTED_MEDIA_TYPE".to_owned()));
    let mut long = example();
    long["more"] = json!("x".repeat(1 << 20));
    let long = fetch(raw(long.to_string(), "application/json")).await;
    assert_eq!(long.code(), (413, "PAYLOAD_TOO_LARGE".to_owned()));
    let mut fits = example();
    fits["more"] = json!("x".repeat(900_000));
    assert_eq!(fixture.post("/orders", &fits, None).await.status, 202);
    let method = fetch(fixture.request(Method::DELETE, "/orders/1")).await;
    assert_eq!(method.code(), (405, "METHOD_NOT_ALLOWED".to_owned()));
}

#[tokio::test]
async fn an_unknown_id_of_any_form_is_not_found() {
    let fixture = Fixture::open().await;
    let long = "x".repeat(10_000);

    for id in ["unknown", &long, "a/b", "a%2Fb", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "a%00b", "%ff", "%20", "a/", ""]
    {
        let missing = fixture.get(&format!("/orders/{id}")).await;
        assert_eq!(missing.code(), (404, "ORDER_NOT_FOUND".to_owned()), "{id:.40}");
        assert_eq!(missing.json()["message"], "order not found");
        let page = fixture.page(&format!("/orders/{id}")).await;
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{id:.40}");
        assert!(!page.text.contains("<script"), "{}", page.text);
    }
    assert_eq!(fixture.get("/nowhere").await.code(), (404, "NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn a_request_id_is_echoed_or_made() {
    let fixture = Fixture::open().await;
    let asked = async |id: &str| {
        let request = fixture.request(Method::GET, "/orders/unknown").header("x-request-id", id);
        fetch(request).await.header("x-request-id").to_owned()
    };

    assert_eq!(asked("abc-123").await, "abc-123");
    assert_ne!(asked(&"x".repeat(200)).await, "x".repeat(200));
    assert_eq!(fixture.get("/").await.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn a_user_sees_its_own_orders_an_operator_all_and_a_caller_without_a_session_none() {
    let fixture = Fixture::with(&[]).await;
    let (owner, another) = (platform::ids::random(), platform::ids::random());
    let (own, operator) = (fixture.iam.session(owner), fixture.iam.operator_session(another));
    let other = fixture.iam.session(another);
    let order = intake::model::Order { customer_id: owner.to_string(), ..order(1) };
    let path = format!("/orders/{}", order.order_uid);
    let short = json!({ "user_id": 123, "items": [{ "sku": "ABC", "qty": 1 }] });

    assert_eq!(fixture.get("/openapi.json").await.status, 200);
    assert_eq!(fixture.post("/orders", &short, None).await.code(), (401, "MISSING_SESSION".to_owned()));
    assert_eq!(
        fixture.post("/orders", &to_value(&order).unwrap(), Some(&own)).await.code(),
        (403, "FORBIDDEN".to_owned())
    );
    assert_eq!(fixture.post("/orders", &short, Some(&operator)).await.status, 400, "the whole model alone");
    assert_eq!(fixture.post("/orders", &to_value(&order).unwrap(), Some(&operator)).await.status, 202);
    fixture.stored(1).await;

    let statuses = [
        fixture.get(&path).await.status,
        fixture.get_as(&path, &own).await.status,
        fixture.get_as(&path, &other).await.status,
        fixture.get_as(&path, &operator).await.status,
        fixture.page("/").await.status,
    ];
    assert_eq!(statuses, [401, 200, 404, 200, 200]);
}

#[tokio::test]
async fn a_user_lists_its_own_orders_alone_also_where_the_api_is_open() {
    let fixture = Fixture::open().await;
    let (owner, another) = (platform::ids::random(), platform::ids::random());
    let (own, other) = (fixture.iam.session(owner), fixture.iam.operator_session(another));
    let mut orders: Vec<_> =
        (0..20).map(|n| intake::model::Order { customer_id: owner.to_string(), ..order(n) }).collect();
    fixture.publish_orders(&orders).await;
    fixture.publish_orders(&[order(20)]).await;
    fixture.stored(21).await;

    let first = fixture.get_as("/orders", &own).await.json();
    let second = fixture.get_as(&format!("/orders?after={}", first["next"].as_str().unwrap()), &own).await.json();

    orders.sort_by(|one, next| one.order_uid.cmp(&next.order_uid));
    let listed = [&first, &second].map(|page| page["orders"].as_array().cloned().unwrap()).concat();
    assert_eq!((json!(listed), &second["next"]), (to_value(&orders).unwrap(), &Value::Null));
    assert_eq!(fixture.get_as("/orders", &other).await.json(), json!({ "orders": [] }));
    assert_eq!(fixture.get("/orders").await.code(), (401, "MISSING_SESSION".to_owned()));
    let wrong = fixture.get_as("/orders?after=%00", &own).await;
    assert_eq!((wrong.code(), &wrong.json()["field"]), ((400, "INVALID_REQUEST".to_owned()), &json!("after")));
}

#[tokio::test]
async fn an_operator_erases_a_customer_also_where_the_api_is_open() {
    let fixture = Fixture::open().await;
    let operator = fixture.iam.operator_session(platform::ids::random());
    let user = fixture.iam.session(platform::ids::random());
    let order = intake::model::Order { customer_id: "ann/ü".to_owned(), ..order(1) };
    fixture.publish_orders(std::slice::from_ref(&order)).await;
    fixture.found(&order.order_uid).await;
    let path = "/customers/ann%2F%C3%BC/erase";

    assert_eq!(fixture.post(path, &Value::Null, None).await.status, 401);
    assert_eq!(fixture.post(path, &Value::Null, Some(&user)).await.status, 403);
    let erased = fixture.post(path, &Value::Null, Some(&operator)).await;

    assert_eq!((erased.status, erased.json()), (200, json!({ "orders": 1 })));
    assert_eq!(fixture.get(&format!("/orders/{}", order.order_uid)).await.status, 404);
    fixture.publish_orders(std::slice::from_ref(&order)).await;
    let after = self::order(2);
    fixture.publish_orders(std::slice::from_ref(&after)).await;
    fixture.found(&after.order_uid).await;
    assert_eq!(fixture.get(&format!("/orders/{}", order.order_uid)).await.status, 404, "it stays erased");
    let again = fixture.post(path, &Value::Null, Some(&operator)).await;
    assert_eq!(again.json(), json!({ "orders": 0 }));
}

#[tokio::test]
async fn the_page_leads_from_the_field_to_the_order() {
    let fixture = Fixture::open().await;
    let order = order(1);
    fixture.publish_orders(std::slice::from_ref(&order)).await;
    fixture.found(&order.order_uid).await;

    let start = fixture.page("/").await;
    assert_eq!((start.status, start.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(start.text.contains("name=\"order_uid\"") && start.text.contains("<form action=\"/\" method=\"get\""));
    let client = platform::http::client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let address = fixture.request(Method::GET, "/").build().unwrap().url().clone();
    let led = client.get(address).query(&[("order_uid", " a/b <c> ")]).send().await.unwrap();
    assert_eq!((led.status().as_u16(), led.headers()["location"].to_str().unwrap()), (303, "/orders/a%2Fb%20%3Cc%3E"));
    let shown = fixture.page(&format!("/?order_uid={}", order.order_uid)).await;
    assert_eq!((shown.status, shown.header("x-cache")), (200, "hit"));
    for text in [&order.delivery.name, &order.delivery.city, &order.payment.currency, &order.items[0].name] {
        assert!(shown.text.contains(&text.replace('&', "&#38;")), "{text}");
    }
}

#[tokio::test]
async fn the_page_asks_nothing_of_other_hosts_and_shows_markup_as_text() {
    let fixture = Fixture::open().await;
    let mut order = order(1);
    order.delivery.name = "<script>alert(1)</script>".to_owned();
    order.track_number = "\"><img src=x onerror=alert(1)>".to_owned();
    fixture.publish_orders(std::slice::from_ref(&order)).await;
    fixture.found(&order.order_uid).await;

    let shown = fixture.page(&format!("/orders/{}", order.order_uid)).await;

    assert!(!shown.text.contains("<script") && !shown.text.contains("<img"), "{}", shown.text);
    assert!(!shown.text.contains("//"), "an address of another host: {}", shown.text);
    let policy = shown.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!((shown.header("x-content-type-options"), shown.header("cache-control")), ("nosniff", "no-store"));
    let style = fixture.get("/style.css").await;
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(!style.text.contains("url(") && !style.text.contains("@import"));
}
