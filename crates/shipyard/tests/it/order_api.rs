//! The order API: status, headers and body of each response that the contract lists.

use contracts::money::Money;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::{
    customer::{Customer, ORDERS, send},
    system::System,
};

/// A UUID that does not exist.
const UNKNOWN_UUID: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn an_order_is_answered_with_its_uuid_twice_its_price_and_its_location() {
    let customer = Customer::new(System::shared().await).await;
    let (tank, window) = (customer.part("Fuel Tank").await, customer.part("Window A").await);
    let parts = [&tank.uuid, &window.uuid, &tank.uuid];

    let answer = customer.post(ORDERS, json!({ "user_uuid": customer.user, "part_uuids": parts })).await;

    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let trace = answer.headers["x-trace-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.text.matches(r#""uuid""#).count(), 1, "{}", answer.text);
    let body = answer.success(201);
    assert_eq!(body["uuid"], body["order_uuid"]);
    let total = Money::from_major(body["total_price"].as_f64().unwrap());
    let [tank_price, window_price] = [tank.price, window.price].map(|price| Money::from_major(price).unwrap());
    assert_eq!(total, tank_price.checked_mul(2).unwrap().checked_add(window_price));
    assert_eq!(location, format!("{ORDERS}/{}", body["order_uuid"].as_str().unwrap()));
    assert!(trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit()), "{trace}");
    let order = customer.get(&location).await.success(200);
    let members = json!({
        "order_uuid": body["order_uuid"],
        "user_uuid": customer.user,
        "part_uuids": parts,
        "total_price": body["total_price"],
        "status": "PENDING_PAYMENT",
    });
    assert_eq!(order, members);
}

#[tokio::test]
async fn every_payment_method_is_taken_in_both_spellings_and_answered_in_the_short_one() {
    let customer = Customer::new(System::shared().await).await;
    let part = customer.part("Thruster").await.uuid;
    let methods = [
        ("CARD", "CARD"),
        ("PAYMENT_METHOD_SBP", "SBP"),
        ("PAYMENT_METHOD_CREDIT_CARD", "CREDIT_CARD"),
        ("INVESTOR_MONEY", "INVESTOR_MONEY"),
    ];

    for (sent, answered) in methods {
        let order = customer.order(&[&part]).await;
        let paid =
            customer.post(&format!("{ORDERS}/{order}/pay"), json!({ "payment_method": sent })).await.success(200);

        let transaction: Uuid = paid["transaction_uuid"].as_str().unwrap().parse().unwrap();
        assert_eq!(transaction.get_version_num(), 4);
        let order = customer.find(order).await;
        assert_eq!(
            (&order["payment_method"], &order["transaction_uuid"]),
            (&json!(answered), &paid["transaction_uuid"])
        );
    }
}

#[tokio::test]
async fn who_has_no_living_session_is_refused_before_anything_else() {
    let customer = Customer::new(System::shared().await).await;
    let calls = [
        (Method::POST, ORDERS.to_owned()),
        (Method::GET, ORDERS.to_owned()),
        (Method::GET, format!("{ORDERS}/no-uuid")),
        (Method::POST, format!("{ORDERS}/{UNKNOWN_UUID}/pay")),
        (Method::POST, format!("{ORDERS}/{UNKNOWN_UUID}/cancel")),
    ];

    for (method, path) in calls {
        let missing = send(customer.request(method.clone(), &path)).await.problem(401, "MISSING_SESSION");
        let dead = send(customer.request(method, &path).header("X-Session-Uuid", UNKNOWN_UUID)).await;

        assert_eq!(missing["message"], "Authentication required", "{path}");
        assert_eq!(dead.problem(401, "INVALID_SESSION")["message"], "Authentication failed", "{path}");
    }
}

#[tokio::test]
async fn a_bad_request_names_the_field() {
    let customer = Customer::new(System::shared().await).await;
    let part = customer.part("Thruster").await.uuid;
    let order = customer.order(&[&part]).await;
    let user = customer.user;
    let pay = format!("{ORDERS}/{order}/pay");
    let posts = [
        (ORDERS, json!({ "user_uuid": "nobody", "part_uuids": [part] }), "user_uuid"),
        (ORDERS, json!({ "part_uuids": [part] }), "user_uuid"),
        (ORDERS, json!({ "user_uuid": user, "part_uuids": [] }), "part_uuids"),
        (ORDERS, json!({ "user_uuid": user, "part_uuids": [part, "no-uuid"] }), "part_uuids[1]"),
        (ORDERS, json!({ "user_uuid": user, "part_uuids": part }), "part_uuids"),
        (ORDERS, json!([]), "body"),
        (&pay, json!({ "payment_method": "BARTER" }), "payment_method"),
        (&pay, json!({ "payment_method": "UNSPECIFIED" }), "payment_method"),
        (&pay, json!({ "payment_method": "PAYMENT_METHOD_UNSPECIFIED" }), "payment_method"),
        (&pay, json!({ "payment_method": 1 }), "payment_method"),
        (&format!("{ORDERS}/no-uuid/pay"), json!({ "payment_method": "CARD" }), "order_uuid"),
        (&format!("{ORDERS}/no-uuid/cancel"), json!({}), "order_uuid"),
    ];
    let gets = [
        ("/no-uuid", "order_uuid"),
        ("?limit=0", "limit"),
        ("?limit=101", "limit"),
        ("?limit=many", "limit"),
        ("?cursor=elsewhere", "cursor"),
    ];

    for (path, body, field) in posts {
        let problem = customer.post(path, body.clone()).await.problem(400, "INVALID_REQUEST");
        assert_eq!(problem["field"], field, "{path} {body}: {problem}");
    }
    for (rest, field) in gets {
        let problem = customer.get(&format!("{ORDERS}{rest}")).await.problem(400, "INVALID_REQUEST");
        assert_eq!(problem["field"], field, "{rest}: {problem}");
    }
    let request = customer.request(Method::POST, ORDERS).header("X-Session-Uuid", &customer.session);
    let not_json = send(request.header("Content-Type", "application/json").body("{")).await;
    assert_eq!(not_json.problem(400, "INVALID_REQUEST")["field"], "body");
    assert_eq!(customer.find(order).await["status"], "PENDING_PAYMENT");
}

#[tokio::test]
async fn nobody_orders_for_another_or_sees_what_is_anothers() {
    let system = System::shared().await;
    let (ada, bob) = (Customer::new(system).await, Customer::new(system).await);
    let part = ada.part("Thruster").await.uuid;
    let order = ada.order(&[&part]).await;

    let for_another = bob.post(ORDERS, json!({ "user_uuid": ada.user, "part_uuids": [part] })).await;

    for_another.problem(403, "USER_MISMATCH");
    for path in [format!("{ORDERS}/{order}"), format!("{ORDERS}/{UNKNOWN_UUID}")] {
        bob.get(&path).await.problem(404, "ORDER_NOT_FOUND");
        bob.post(&format!("{path}/pay"), json!({ "payment_method": "CARD" })).await.problem(404, "ORDER_NOT_FOUND");
        bob.post(&format!("{path}/cancel"), json!({})).await.problem(404, "ORDER_NOT_FOUND");
    }
    assert_eq!(bob.get(ORDERS).await.success(200), json!({ "orders": [] }));
    assert_eq!(ada.find(order).await["status"], "PENDING_PAYMENT");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let customer = Customer::new(System::shared().await).await;

    let part = customer.post(ORDERS, json!({ "user_uuid": customer.user, "part_uuids": [UNKNOWN_UUID] })).await;
    let nowhere = customer.get("/api/v1/ships").await;

    part.problem(404, "PART_NOT_FOUND");
    nowhere.problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_method_a_size_and_a_type_that_do_not_fit_are_refused() {
    let customer = Customer::new(System::shared().await).await;
    let post = |kind: &str, body: String| {
        let request = customer.request(Method::POST, ORDERS).header("X-Session-Uuid", &customer.session);
        send(request.header("Content-Type", kind).body(body))
    };

    let method = send(customer.request(Method::DELETE, ORDERS).header("X-Session-Uuid", &customer.session)).await;
    let large = post("application/json", " ".repeat(1_000_000)).await;
    let kind = post("text/plain", "{}".to_owned()).await;

    method.problem(405, "METHOD_NOT_ALLOWED");
    large.problem(413, "PAYLOAD_TOO_LARGE");
    kind.problem(415, "UNSUPPORTED_MEDIA_TYPE");
}

#[tokio::test]
async fn more_than_there_is_cannot_be_ordered() {
    let customer = Customer::new(System::shared().await).await;
    let part = customer.part("Window B").await.uuid;
    let thousand = vec![part.clone(); 1000];
    let mut bought = 0;

    let refused = loop {
        let answer = customer.post(ORDERS, json!({ "user_uuid": customer.user, "part_uuids": thousand })).await;
        if answer.status != 201 {
            break answer;
        }
        bought += 1000;
    };

    refused.problem(409, "OUT_OF_STOCK");
    let left = customer.stock(&part).await;
    assert!(bought > 0 && (0..1000).contains(&left), "{left} left after {bought}");
}

#[tokio::test]
async fn an_order_that_is_paid_or_cancelled_can_be_neither() {
    let customer = Customer::new(System::shared().await).await;
    let part = customer.part("Thruster").await.uuid;
    let (paid, cancelled) = (customer.order(&[&part]).await, customer.order(&[&part]).await);

    customer.pay(paid).await.success(200);
    customer.cancel(cancelled).await.success(204);

    for order in [paid, cancelled] {
        customer.pay(order).await.problem(409, "INVALID_STATUS");
        customer.cancel(order).await.problem(409, "INVALID_STATUS");
    }
    customer.until(paid, "ASSEMBLED").await;
    customer.cancel(paid).await.problem(409, "INVALID_STATUS");
}

#[tokio::test]
async fn a_payment_that_is_refused_leaves_the_order_to_be_paid_otherwise() {
    let customer = Customer::new(System::shared().await).await;
    let engine = customer.part("Main Engine").await.uuid;
    let pay = async |order: Uuid, method: &str| {
        customer.post(&format!("{ORDERS}/{order}/pay"), json!({ "payment_method": method })).await
    };

    let beyond_the_balance = customer.order(&[&engine]).await;
    pay(beyond_the_balance, "INVESTOR_MONEY").await.problem(422, "INSUFFICIENT_FUNDS");
    let declined = customer.order(&[engine.as_str(); 7]).await;
    pay(declined, "CARD").await.problem(422, "PAYMENT_DECLINED");

    assert_eq!(customer.find(declined).await["status"], "PENDING_PAYMENT");
    pay(beyond_the_balance, "CARD").await.success(200);
}

#[tokio::test]
async fn orders_are_listed_newest_first_page_by_page() {
    let customer = Customer::new(System::shared().await).await;
    let part = customer.part("Thruster").await.uuid;
    let mut placed = Vec::new();
    for _ in 0..5 {
        placed.insert(0, customer.order(&[&part]).await.to_string());
    }

    let mut listed = Vec::new();
    let mut sizes = Vec::new();
    let mut path = format!("{ORDERS}?limit=2");
    loop {
        let page = customer.get(&path).await.success(200);
        let orders = page["orders"].as_array().unwrap();
        sizes.push(orders.len());
        for order in orders {
            assert!(order["created_at"].is_string() && order["status"] == "PENDING_PAYMENT", "{order}");
            listed.push(order["order_uuid"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = page.get("next_cursor") else { break };
        path = format!("{ORDERS}?limit=2&cursor={}", cursor.as_str().unwrap());
    }

    assert_eq!((listed, sizes), (placed, vec![2, 2, 1]));
}
