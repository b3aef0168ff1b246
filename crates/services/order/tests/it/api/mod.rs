//! Tests of the HTTP API over PostgreSQL.

mod refusals;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use contracts::{ids::PartId, money::Money};
use order::{
    client::{Clients, MemoryDelivery, MemoryInventory, MemoryPayments, MemoryUsers},
    repository::{MIGRATIONS, PgOrders, Repositories},
    service::OrderService,
};
use outbox::Waker;
use platform::{
    auth::MemorySessions,
    config::Settings,
    ids,
    telemetry::{self, Telemetry},
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::shop::{MAX_VOLUME, PAY_WITHIN, clients, deliveries, router, serve};

pub struct Api {
    pub orders: PgOrders,
    pub delivery: MemoryDelivery,
    _database: testkit::Database,
    base: String,
    http: Client,
    pub inventory: MemoryInventory,
    pub payments: MemoryPayments,
    pub users: MemoryUsers,
    pub service: OrderService,
    pub sessions: Arc<MemorySessions>,
    pub user: Uuid,
    pub part: Uuid,
}

/// Starts telemetry once per process: only recorded traces give responses a trace id.
fn trace() {
    static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();
    let quiet = telemetry::Config { log_level: "off".to_owned(), ..Settings::default().read().unwrap() };
    TELEMETRY.get_or_init(|| telemetry::start("test", &quiet).unwrap());
}

pub async fn start(slots: usize) -> Api {
    trace();
    let database = testkit::database(&MIGRATIONS).await;
    let (inventory, payments) = (MemoryInventory::default(), MemoryPayments::default());
    let (user, part) = (ids::random(), ids::random());
    inventory.put(PartId::new(part), Money::from_minor(123_450).unwrap(), 5);
    let sessions = Arc::new(MemorySessions::default());
    sessions.open("session", user);
    let orders = PgOrders::new(database.pool.clone());
    let users = MemoryUsers::default();
    let clients = Clients { users: Arc::new(users.clone()), ..clients(inventory.clone(), payments.clone()) };
    let repositories = Repositories::new(Arc::new(orders.clone()));
    let service = OrderService::new(repositories, clients, Waker::default(), PAY_WITHIN).with_max_volume(MAX_VOLUME);
    let delivery = MemoryDelivery::default();
    let state = order::api::Api { service: service.clone(), deliveries: deliveries(orders.clone(), &delivery) };
    let base = format!("http://{}", serve(router(state, sessions.clone(), slots)).await);
    let http = platform::http::client(Duration::from_secs(20)).unwrap();
    Api { orders, delivery, _database: database, base, http, inventory, payments, users, service, sessions, user, part }
}

impl Api {
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).header("X-Session-Uuid", "session")
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    pub fn body(&self) -> Value {
        json!({ "user_uuid": self.user, "part_uuids": [self.part, self.part] })
    }

    pub async fn order(&self) -> String {
        let response = self.post("/api/v1/orders", &self.body()).send().await.unwrap();
        assert_eq!(response.status(), 201);
        response.json::<Value>().await.unwrap()["order_uuid"].as_str().unwrap().to_owned()
    }

    pub async fn get(&self, order: &str) -> Value {
        self.request(Method::GET, &format!("/api/v1/orders/{order}")).send().await.unwrap().json().await.unwrap()
    }
}

/// Checks that the response is an error with this status and code. Returns its JSON body.
pub async fn problem(response: Response, status: u16, code: &str) -> Value {
    let media_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    let got = response.status();
    let trace_id = response.headers()["x-trace-id"].clone();
    let passes_by_itself = status == 503 || code.ends_with("_IN_PROGRESS");
    assert_eq!(response.headers().contains_key("retry-after"), passes_by_itself || status == 429, "{code}");
    let body: Value = response.json().await.unwrap();
    assert_eq!((got.as_u16(), body["code"].as_str()), (status, Some(code)), "{body}");
    assert_eq!(media_type, "application/problem+json");
    assert_eq!(trace_id.len(), 32);
    assert_eq!(body["status"], status);
    assert!(["type", "title", "detail", "message"].iter().all(|member| body[member].is_string()), "{body}");
    body
}

#[tokio::test]
async fn an_order_is_created_shown_paid_and_cancelled_as_the_contract_says() {
    let api = start(10).await;

    let created = api.post("/api/v1/orders", &api.body()).send().await.unwrap();
    let location = created.headers()["location"].to_str().unwrap().to_owned();
    let status = created.status();
    let created: Value = created.json().await.unwrap();
    let order = created["order_uuid"].as_str().unwrap().to_owned();
    let pending = api.get(&order).await;
    let paid =
        api.post(&format!("{location}/pay"), &json!({ "payment_method": "PAYMENT_METHOD_SBP" })).send().await.unwrap();
    let paid_status = paid.status();
    let paid: Value = paid.json().await.unwrap();
    let shown = api.get(&order).await;
    let second = api.order().await;
    let cancelled = api.request(Method::POST, &format!("/api/v1/orders/{second}/cancel")).send().await.unwrap();

    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(location, format!("/api/v1/orders/{order}"));
    assert_eq!(created, json!({ "order_uuid": order, "uuid": order, "total_price": 2469.0 }));
    let parts = json!([api.part, api.part]);
    assert_eq!(
        pending,
        json!({
            "order_uuid": order, "user_uuid": api.user, "part_uuids": parts, "total_price": 2469.0,
            "status": "PENDING_PAYMENT", "allowed_actions": ["PAY", "CANCEL"],
        })
    );
    assert_eq!(paid_status, StatusCode::OK);
    assert_eq!((&shown["status"], &shown["allowed_actions"]), (&json!("PAID"), &json!([])));
    assert_eq!(shown["payment_method"], "SBP");
    assert_eq!(shown["transaction_uuid"], paid["transaction_uuid"]);
    assert_eq!(cancelled.status(), StatusCode::NO_CONTENT);
    assert_eq!(api.get(&second).await["status"], "CANCELLED");
}

#[tokio::test]
async fn a_repeat_under_a_key_is_answered_byte_for_byte() {
    let api = start(10).await;
    let create = |key: &'static str| api.post("/api/v1/orders", &api.body()).header("Idempotency-Key", key).send();

    let first = create("\"one\"").await.unwrap();
    let location = first.headers()["location"].clone();
    assert_eq!(first.headers().get("idempotency-replayed"), None);
    let first = first.bytes().await.unwrap();
    let second = create("one").await.unwrap();
    let (status, location_again) = (second.status(), second.headers()["location"].clone());
    let other_body = json!({ "user_uuid": api.user, "part_uuids": [api.part] });
    let reused = api.post("/api/v1/orders", &other_body).header("Idempotency-Key", "one").send().await.unwrap();

    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(second.headers()["idempotency-replayed"], "true");
    assert_eq!(second.bytes().await.unwrap(), first);
    assert_eq!(location_again, location);
    problem(reused, 422, "IDEMPOTENCY_KEY_REUSED").await;
    let too_many = || {
        let body = json!({ "user_uuid": api.user, "part_uuids": vec![api.part; 9] });
        api.post("/api/v1/orders", &body).header("Idempotency-Key", "two").send()
    };
    let refusal = too_many().await.unwrap();
    assert_eq!((refusal.status(), refusal.headers().get("idempotency-replayed")), (StatusCode::CONFLICT, None));
    let again = too_many().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.bytes().await.unwrap(), refusal.bytes().await.unwrap());
    for key in ["", "\"\"", &"k".repeat(256)] {
        let response = api.post("/api/v1/orders", &api.body()).header("Idempotency-Key", key).send().await.unwrap();
        assert_eq!(problem(response, 400, "INVALID_REQUEST").await["field"], "Idempotency-Key");
    }
}

#[tokio::test]
async fn all_invalid_fields_of_a_body_are_named_at_once() {
    let api = start(10).await;
    let fields = async |path: &str, body: Value| {
        let response = api.post(path, &body).send().await.unwrap();
        let problem = problem(response, 400, "INVALID_REQUEST").await;
        let errors = problem["errors"].as_array().unwrap();
        assert_eq!(problem["field"], errors[0]["field"]);
        let shown = |error: &Value| format!("{} {}", error["field"].as_str().unwrap(), error["code"].as_str().unwrap());
        errors.iter().map(shown).collect::<Vec<_>>()
    };

    let unreadable = fields("/api/v1/orders", json!({ "part_uuids": ["x"], "delivery_adress": "y" })).await;
    assert_eq!(unreadable, ["delivery_adress UNKNOWN", "part_uuids[0] INVALID", "user_uuid REQUIRED"]);
    let order = json!({ "user_uuid": api.user, "part_uuids": [], "delivery_address": " " });
    assert_eq!(fields("/api/v1/orders", order).await, ["part_uuids INVALID", "delivery_address INVALID"]);
    let item = json!({ "product_id": "x", "quantity": 0, "price": 1 });
    let checkout = json!({ "user_id": api.user, "delivery_address": " ", "items": [item, item] });
    assert_eq!(
        fields("/api/orders", checkout).await,
        ["delivery_address INVALID", "items[0].quantity INVALID", "items[1].quantity INVALID"]
    );
}

#[tokio::test]
async fn orders_are_listed_in_pages() {
    let api = start(10).await;
    let mut orders = [api.order().await, api.order().await];
    orders.reverse();

    let first: Value = api.request(Method::GET, "/api/v1/orders?limit=1").send().await.unwrap().json().await.unwrap();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = api.request(Method::GET, &format!("/api/v1/orders?limit=1&cursor={cursor}")).send().await.unwrap();
    let second: Value = second.json().await.unwrap();

    assert_eq!(first["orders"][0]["order_uuid"], orders[0]);
    assert!(first["orders"][0]["created_at"].is_string());
    assert_eq!(second["orders"][0]["order_uuid"], orders[1]);
    assert!(second.get("next_cursor").is_none());
    for (query, field) in
        [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("cursor=x", "cursor"), ("limt=1", "limt")]
    {
        let response = api.request(Method::GET, &format!("/api/v1/orders?{query}")).send().await.unwrap();
        assert_eq!(problem(response, 400, "INVALID_REQUEST").await["field"], field, "{query}");
    }
}

#[tokio::test]
async fn the_description_and_health_are_open_to_all() {
    let api = start(10).await;
    for path in ["/openapi.json", "/swagger-ui/", "/health", "/health/live", "/health/ready"] {
        let response = api.bare(Method::GET, path).send().await.unwrap();

        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_can_neither_frame_the_description_nor_add_scripts_to_it() {
    let api = start(10).await;

    let page = api.bare(Method::GET, "/swagger-ui/").send().await.unwrap();

    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    for rule in ["default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "connect-src 'self'"] {
        assert!(policy.contains(rule), "{rule} is missing from {policy}");
    }
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    assert_eq!(page.headers()["referrer-policy"], "no-referrer");
}
