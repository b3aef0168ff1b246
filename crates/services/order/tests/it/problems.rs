//! Tests that the OpenAPI document declares exactly the error responses that the API returns.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::{Body, to_bytes},
    http::{Method, Request},
};
use order::{
    api,
    client::Fault,
    error::OrderRefusal,
    model::{Claim, PaymentMethod},
    repository::IdempotencyKeys as _,
};
use platform::auth::{Credential, MemorySessions, SessionError, Sessions};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;

use crate::ids;
use crate::shop::{Shop, router};

const ORDERS: &str = "/api/v1/orders";
const ORDER: &str = "/api/v1/orders/{order_uuid}";
const DELIVERY: &str = "/api/v1/orders/{order_uuid}/delivery";
const PAY: &str = "/api/v1/orders/{order_uuid}/pay";
const PAYMENT: &str = "/api/v1/orders/{order_uuid}/payment";
const CHECKOUT: &str = "/api/orders";
const CHECKOUT_ORDER: &str = "/api/orders/{order_id}";
const CHECKOUT_PAYMENT: &str = "/api/orders/{order_id}/payment";
const CHECKOUT_DELIVERY: &str = "/api/orders/{order_id}/delivery";
const CANCEL: &str = "/api/v1/orders/{order_uuid}/cancel";

/// The statuses and codes of error responses, by operation.
type Problems = BTreeMap<(Method, &'static str), BTreeSet<(u16, String)>>;

/// A session lookup that fails because iam is unavailable, or that panics.
enum Trouble {
    Away,
    Panic,
}

#[async_trait]
impl Sessions for Trouble {
    async fn owner(&self, _: &Credential) -> Result<platform::auth::User, SessionError> {
        match self {
            Self::Away => Err(SessionError::Unavailable),
            Self::Panic => panic!("on purpose"),
        }
    }
}

/// A shop whose error responses are recorded.
struct Recorder {
    shop: Shop,
    sessions: Arc<dyn Sessions>,
    slots: usize,
    returned: Problems,
}

/// A valid request, of which a test makes one property invalid.
#[derive(Clone)]
struct Ask {
    operation: (Method, &'static str),
    method: Method,
    path: String,
    session: Option<&'static str>,
    key: Option<String>,
    media_type: &'static str,
    body: String,
    /// True if the body never arrives completely.
    is_half_sent: bool,
}

fn operations() -> [(Method, &'static str); 11] {
    [
        (Method::POST, ORDERS),
        (Method::GET, ORDERS),
        (Method::GET, ORDER),
        (Method::GET, DELIVERY),
        (Method::POST, PAY),
        (Method::POST, CANCEL),
        (Method::GET, PAYMENT),
        (Method::POST, CHECKOUT),
        (Method::GET, CHECKOUT_ORDER),
        (Method::GET, CHECKOUT_PAYMENT),
        (Method::GET, CHECKOUT_DELIVERY),
    ]
}

/// Returns the UUID of an order that does not exist.
fn nowhere() -> String {
    ids::random().to_string()
}

impl Recorder {
    fn open() -> Self {
        let shop = Shop::open();
        shop.inventory.put(shop.engine, contracts::money::Money::from_minor(10_000).unwrap(), 30);
        let sessions = MemorySessions::default();
        sessions.open("session", shop.user.uuid());
        Self { shop, sessions: Arc::new(sessions), slots: 10, returned: Problems::new() }
    }

    fn ask(&self, operation: &(Method, &'static str), order: &str) -> Ask {
        let body = match operation.1 {
            ORDERS => json!({ "user_uuid": self.shop.user, "part_uuids": [self.shop.engine] }).to_string(),
            CHECKOUT => self.checkout(100.0, &self.shop.engine.to_string()),
            PAY => json!({ "payment_method": "CARD" }).to_string(),
            _ => String::new(),
        };
        Ask {
            operation: operation.clone(),
            method: operation.0.clone(),
            path: operation.1.replace("{order_uuid}", order).replace("{order_id}", order),
            session: Some("session"),
            key: None,
            media_type: "application/json",
            body: if operation.0 == Method::POST { body } else { String::new() },
            is_half_sent: false,
        }
    }

    /// Sends a request and records the status and code of the error response.
    async fn send(&mut self, ask: Ask) {
        let router = router(self.shop.api(), self.sessions.clone(), self.slots);
        let mut request = Request::builder().method(ask.method).uri(ask.path).header("Host", "x");
        request = request.header("Content-Type", ask.media_type);
        if let Some(session) = ask.session {
            request = request.header("X-Session-Uuid", session);
        }
        if let Some(key) = ask.key {
            request = request.header("Idempotency-Key", key);
        }
        let body = if ask.is_half_sent {
            Body::from_stream(futures::stream::pending::<Result<String, std::io::Error>>())
        } else {
            Body::from(ask.body)
        };
        let response = router.oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap();
        let code = body["code"].as_str().unwrap().to_owned();
        self.returned.entry(ask.operation).or_default().insert((status, code));
    }

    /// Sends the requests that middleware and extractors refuse for any endpoint.
    async fn refuse_anything(&mut self, operation: &(Method, &'static str)) {
        let right = self.ask(operation, &nowhere());
        let wrong = match *operation {
            (Method::POST, ORDERS | CHECKOUT) => Ask { body: "{}".to_owned(), ..right.clone() },
            (_, ORDERS) => Ask { path: format!("{ORDERS}?limit=0"), ..right.clone() },
            _ => self.ask(operation, "not-a-uuid"),
        };
        self.send(wrong).await;
        self.send(Ask { session: None, ..right.clone() }).await;
        self.send(Ask { session: Some("dead"), ..right.clone() }).await;
        self.send(Ask { method: Method::TRACE, ..right.clone() }).await;
        let sessions = self.sessions.clone();
        for trouble in [Trouble::Away, Trouble::Panic] {
            self.sessions = Arc::new(trouble);
            self.send(right.clone()).await;
        }
        self.sessions = sessions;
        self.slots = 0;
        self.send(right.clone()).await;
        self.slots = 10;
        if operation.0 == Method::POST {
            self.send(Ask { body: " ".repeat(1 << 20), ..right.clone() }).await;
            self.send(Ask { is_half_sent: true, ..right }).await;
        }
    }

    /// Sends a request whose key is claimed by the same request, and one whose key is claimed by another request.
    async fn retry(&mut self, operation: &(Method, &'static str)) {
        let order = self.shop.order().await;
        for same in [true, false] {
            let key = ids::random().to_string();
            let ask = Ask { key: Some(key.clone()), ..self.ask(operation, &order.to_string()) };
            let request = format!("{} {}\0{}", ask.method, ask.path, ask.body);
            let fingerprint = if same { Sha256::digest(request).to_vec() } else { vec![1] };
            let claim = Claim { user: self.shop.user, key, fingerprint, token: ids::random() };
            self.shop.orders.claim(&claim, order, Duration::from_secs(15)).await.unwrap();
            self.send(ask).await;
        }
    }

    async fn create(&mut self) {
        let operation = (Method::POST, ORDERS);
        let right = self.ask(&operation, "");
        self.send(Ask { media_type: "text/plain", ..right.clone() }).await;
        let (user, engine) = (self.shop.user, self.shop.engine);
        for (user, parts) in [(ids::user(), vec![engine]), (user, vec![ids::part()]), (user, vec![engine; 100])] {
            let body = json!({ "user_uuid": user, "part_uuids": parts }).to_string();
            self.send(Ask { body, ..right.clone() }).await;
        }
    }

    /// Sends requests of a user who has the maximum number of unpaid orders, or whose orders hold too many parts.
    async fn order_too_many(&mut self) {
        let service = self.shop.service.clone();
        self.shop.service = service.clone().with_max_unpaid(0);
        for path in [ORDERS, CHECKOUT] {
            self.send(self.ask(&(Method::POST, path), "")).await;
        }
        self.shop.service = service;
        self.shop.inventory.set_full(true);
        for path in [ORDERS, CHECKOUT] {
            self.send(self.ask(&(Method::POST, path), "")).await;
        }
        self.shop.inventory.set_full(false);
    }

    fn checkout(&self, price: f64, part: &str) -> String {
        let items = json!([{ "product_id": part, "quantity": 1, "price": price }]);
        json!({ "user_id": self.shop.user, "items": items }).to_string()
    }

    async fn check_out(&mut self) {
        let operation = (Method::POST, CHECKOUT);
        let right = self.ask(&operation, "");
        self.send(Ask { media_type: "text/plain", ..right.clone() }).await;
        let engine = self.shop.engine.to_string();
        let many = json!([{ "product_id": engine, "quantity": 100, "price": 100 }]);
        for body in [
            self.checkout(99.0, &engine),
            self.checkout(100.0, "no such part"),
            json!({ "user_id": "another user", "items": many }).to_string(),
            json!({ "user_id": self.shop.user, "items": many }).to_string(),
        ] {
            self.send(Ask { body, ..right.clone() }).await;
        }
    }

    async fn get(&mut self) {
        for path in [ORDER, CHECKOUT_ORDER] {
            self.send(self.ask(&(Method::GET, path), &nowhere())).await;
        }
        let without_payment_or_address = self.shop.order().await.to_string();
        for path in [PAYMENT, CHECKOUT_PAYMENT, DELIVERY, CHECKOUT_DELIVERY] {
            for order in [&nowhere(), &without_payment_or_address] {
                self.send(self.ask(&(Method::GET, path), order)).await;
            }
        }
    }

    async fn pay(&mut self) {
        let operation = (Method::POST, PAY);
        let order = self.shop.order().await;
        let right = self.ask(&operation, &order.to_string());
        self.send(Ask { media_type: "text/plain", ..right.clone() }).await;
        self.send(self.ask(&operation, &nowhere())).await;
        for refusal in [OrderRefusal::PaymentDeclined, OrderRefusal::InsufficientFunds] {
            self.shop.payments.script(Fault::Decline(refusal));
            self.send(right.clone()).await;
        }
        self.shop.payments.script(Fault::Lost);
        self.send(right.clone()).await;
        self.send(right).await;
        let paid = self.shop.order().await;
        self.shop.service.pay(self.shop.user, paid, PaymentMethod::Card, None).await.unwrap();
        self.send(self.ask(&operation, &paid.to_string())).await;
        let lost = self.shop.order().await;
        self.shop.inventory.expire(lost);
        self.shop.inventory.put(self.shop.engine, contracts::money::Money::ZERO, 0);
        self.send(self.ask(&operation, &lost.to_string())).await;
    }

    async fn cancel(&mut self) {
        let operation = (Method::POST, CANCEL);
        let (paid, paying) = (self.shop.order().await, self.shop.order().await);
        self.shop.service.pay(self.shop.user, paid, PaymentMethod::Card, None).await.unwrap();
        self.shop.payments.script(Fault::Lost);
        self.shop.service.pay(self.shop.user, paying, PaymentMethod::Card, None).await.unwrap_err();
        for order in [ids::order(), paid, paying] {
            self.send(self.ask(&operation, &order.to_string())).await;
        }
    }
}

/// Returns the error responses that the OpenAPI document declares, by operation. A response's description lists its
/// codes.
fn described() -> Problems {
    let document = serde_json::to_value(api::document()).unwrap();
    let codes = |response: &Value| {
        let response = match response["$ref"].as_str() {
            Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => response,
        };
        response["description"].as_str().unwrap().split(", ").map(str::to_owned).collect::<Vec<_>>()
    };
    let problems = operations().map(|(method, path)| {
        let responses = &document["paths"][path][method.as_str().to_lowercase()]["responses"];
        let problems = responses.as_object().unwrap().iter().filter(|(status, _)| status.as_str() >= "400");
        let problems = problems
            .flat_map(|(status, response)| codes(response).into_iter().map(|code| (status.parse().unwrap(), code)));
        ((method, path), problems.collect())
    });
    problems.into()
}

#[tokio::test(start_paused = true)]
async fn the_description_has_the_problems_that_are_answered_and_no_others() {
    let mut recorder = Recorder::open();

    for operation in operations() {
        recorder.refuse_anything(&operation).await;
        if operation.0 == Method::POST {
            recorder.retry(&operation).await;
        }
    }
    recorder.create().await;
    recorder.order_too_many().await;
    recorder.get().await;
    recorder.check_out().await;
    recorder.cancel().await;
    recorder.pay().await;

    let described = described();
    for (operation, returned) in recorder.returned {
        assert_eq!(described[&operation], returned, "described and returned by {operation:?}");
    }
}
