//! Customers against a stand-in for the shop.

use std::sync::{Mutex, PoisonError};

use audit::facts::{Acknowledged, Answer};
use serde_json::json;
use wiremock::{Mock, MockServer, Request as Received, ResponseTemplate, matchers::any};

use super::*;

const USER: Uuid = Uuid::from_u128(7);
const TRACE: &str = "0123456789abcdef0123456789abcdef";

/// Returns a customer of a shop in which order responds with `order`.
async fn customer(order: impl wiremock::Respond + 'static) -> (Customer, MockServer) {
    customer_over(Protocol::Http2, order).await
}

async fn customer_over(protocol: Protocol, order: impl wiremock::Respond + 'static) -> (Customer, MockServer) {
    let http = MockServer::start().await;
    Mock::given(any()).respond_with(order).mount(&http).await;
    let shop = Shop::at(&client::trust::Trust::default(), &http.uri(), "127.0.0.1:1", "127.0.0.1:1").unwrap();
    let account = crate::account::Account {
        shop: shop.clone(),
        user: USER,
        login: String::new(),
        session: "a session".to_owned(),
        connections: Arc::new(tokio::sync::Semaphore::new(1)),
    };
    let customer = Customer {
        client: RetryingClient::new(shop, Arc::default(), Account::new(account), protocol).unwrap(),
        in_flight: Arc::new(InFlight::paused()),
        parts: Arc::new([1, 2].map(Uuid::from_u128)),
        pause: Duration::from_millis(1),
        random: Random::new(SmallRng::seed_from_u64(1)),
        orders: VecDeque::new(),
    };
    customer.in_flight.resume();
    (customer, http)
}

fn success(status: u16, body: &serde_json::Value) -> ResponseTemplate {
    ResponseTemplate::new(status).insert_header("x-trace-id", TRACE).set_body_json(body)
}

fn problem(status: u16, code: &str) -> ResponseTemplate {
    let body = json!({ "type": "t", "title": "t", "status": status, "detail": "d", "message": "m", "code": code });
    ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/problem+json")
}

fn header<'a>(request: &'a Received, name: &str) -> &'a str {
    request.headers.get(name).unwrap().to_str().unwrap()
}

#[tokio::test]
async fn a_post_is_retried_under_its_key_until_its_final_response_and_acknowledged_once() {
    let order = Uuid::from_u128(9);
    let answers = Mutex::new(vec![
        success(201, &json!({ "order_uuid": order, "uuid": order, "total_price": 1.5 })),
        problem(500, "INTERNAL"),
        problem(409, "IDEMPOTENCY_IN_PROGRESS"),
        problem(429, "TOO_MANY_REQUESTS"),
        problem(503, "DEPENDENCY_UNAVAILABLE"),
    ]);
    let respond = move |_: &Received| {
        let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() }
    };
    let (mut customer, http) = customer(respond).await;

    let created = customer.create().await.unwrap();

    assert_eq!(created.uuid, order);
    assert_eq!(customer.client.journal.acknowledged(), [Acknowledged { order, answer: Answer::Created }]);
    let asked = http.received_requests().await.unwrap();
    assert!(asked.len() >= 5, "{}", asked.len());
    assert!(asked.iter().all(|request| header(request, "idempotency-key") == "create-1"));
    assert!(asked.iter().all(|request| request.body == asked[0].body));
    let counters = customer.client.journal.measurements().total;
    assert_eq!((counters.failed, counters.sessions_lost), (3, 0));
    let violations = customer.client.journal.violations();
    assert!(matches!(violations.as_slice(), [one] if one.contains("500")), "{violations:?}");
}

#[tokio::test]
async fn paying_and_cancelling_both_succeeding_is_a_violation() {
    let order = Uuid::from_u128(9);
    let body = json!({ "order_uuid": order, "uuid": order, "total_price": 1.5 });
    let mut known = order::Order::created(&body, USER, Vec::new(), None).unwrap();
    let respond = |request: &Received| {
        if request.url.path().ends_with("/pay") {
            success(200, &json!({ "transaction_uuid": Uuid::from_u128(3) }))
        } else {
            ResponseTemplate::new(204).insert_header("x-trace-id", TRACE)
        }
    };
    let (mut customer, _http) = customer(respond).await;

    customer.pay(&mut known).await;
    customer.cancel(&mut known).await;

    let violations = customer.client.journal.violations();
    assert!(matches!(violations.as_slice(), [one] if one.contains("was cancelled, and paid with")), "{violations:?}");
}

#[tokio::test]
async fn half_of_the_customers_speak_http_1_1_and_the_others_http_2() {
    for (number, has_host) in [(0, false), (1, true)] {
        let respond = |_: &Received| success(200, &json!({ "orders": [] }));
        let (mut customer, http) = customer_over(Protocol::for_customer(number), respond).await;

        customer.list().await;
        customer.client.reconnect().unwrap();
        customer.list().await;

        // HTTP/1.1 requests have a `host` header; HTTP/2 sends `:authority` instead.
        let asked = http.received_requests().await.unwrap();
        let hosts: Vec<bool> = asked.iter().map(|request| request.headers.contains_key("host")).collect();
        assert_eq!(hosts, [has_host; 2]);
    }
}
