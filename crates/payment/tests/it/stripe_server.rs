//! A stand-in for Stripe: it keeps its answers under their keys as Stripe does, and can be told to misbehave.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use payment::client::{Stripe, StripeAccount};
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::LIMIT;

const KEY: &str = "sk_test_key";

/// What goes wrong with one POST.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It is done, and the answer comes after everybody has stopped waiting.
    Silent,
    /// This status and an empty body, and nothing is done.
    Status(u16),
    /// It is declined for this code.
    Declined(&'static str),
    /// It is begun, and done only when it is looked at again.
    Slow,
}

pub struct StripeServer {
    server: MockServer,
    books: Books,
}

#[derive(Clone, Default)]
struct Books(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// By key: the answer to give again.
    answers: HashMap<String, (u16, Value)>,
    /// By id.
    intents: BTreeMap<String, Value>,
    /// By id of the intent.
    refunds: BTreeMap<String, Value>,
    faults: VecDeque<Fault>,
    posts: Vec<HashMap<String, String>>,
}

pub fn stripe_at(url: &str, timeout: Duration) -> Stripe {
    let account = StripeAccount { url: url.parse().unwrap(), key: KEY.into(), currency: "eur".to_owned(), timeout };
    Stripe::new(account).unwrap()
}

impl StripeServer {
    pub async fn start() -> Self {
        let (server, books) = (MockServer::start().await, Books::default());
        Mock::given(any()).respond_with(books.clone()).mount(&server).await;
        Self { server, books }
    }

    pub fn client(&self) -> Stripe {
        self.client_that_waits(Duration::from_secs(20))
    }

    pub fn client_that_waits(&self, timeout: Duration) -> Stripe {
        stripe_at(&self.server.uri(), timeout)
    }

    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.books.state().faults.extend(faults);
    }

    /// Forgets every key, as Stripe does after a day.
    pub fn forget_keys(&self) {
        self.books.state().answers.clear();
    }

    /// The forms that were posted, each with its key under `Idempotency-Key`.
    pub fn posts(&self) -> Vec<HashMap<String, String>> {
        self.books.state().posts.clone()
    }

    pub fn charges(&self, order: Uuid) -> usize {
        self.books.state().of(order, "succeeded").count()
    }

    pub fn refunds(&self, order: Uuid) -> usize {
        let state = self.books.state();
        state.of(order, "succeeded").filter(|(id, _)| state.refunds.contains_key(*id)).count()
    }
}

impl Books {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn of(&self, order: Uuid, status: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.intents.iter().filter(move |(_, intent)| {
            intent["metadata"]["order_uuid"] == order.to_string() && intent["status"] == status
        })
    }

    fn post(&mut self, path: &str, key: &str, form: &HashMap<String, String>) -> ResponseTemplate {
        if let Some((status, body)) = self.answers.get(key) {
            return ResponseTemplate::new(*status).set_body_json(body).insert_header("Idempotent-Replayed", "true");
        }
        let fault = self.faults.pop_front();
        if let Some(Fault::Status(status)) = fault {
            return ResponseTemplate::new(status);
        }
        let (status, body) = match path {
            "/v1/payment_intents" => self.charge(form, fault),
            "/v1/refunds" => self.refund(form),
            _ => (404, error("invalid_request_error", "resource_missing", None)),
        };
        self.answers.insert(key.to_owned(), (status, body.clone()));
        let delay = if let Some(Fault::Silent) = fault { Duration::from_mins(10) } else { Duration::ZERO };
        ResponseTemplate::new(status).set_body_json(body).set_delay(delay)
    }

    fn charge(&mut self, form: &HashMap<String, String>, fault: Option<Fault>) -> (u16, Value) {
        let Some(amount) = form["amount"].parse::<i64>().ok().filter(|amount| *amount >= 50) else {
            return (400, error("invalid_request_error", "amount_too_small", None));
        };
        let id = format!("pi_{}", self.intents.len() + 1);
        let code = match fault {
            Some(Fault::Declined(code)) => Some(code),
            _ => (amount > LIMIT).then_some("generic_decline"),
        };
        let status = match (code, fault) {
            (Some(_), _) => "requires_payment_method",
            (None, Some(Fault::Slow)) => "processing",
            (None, _) => "succeeded",
        };
        let failure = code.map(|code| error("card_error", "card_declined", Some(code))["error"].clone());
        let intent = json!({
            "id": id,
            "object": "payment_intent",
            "amount": amount,
            "status": status,
            "last_payment_error": failure,
            "metadata": {
                "order_uuid": form["metadata[order_uuid]"],
                "transaction_uuid": form["metadata[transaction_uuid]"],
            },
        });
        self.intents.insert(id, intent.clone());
        code.map_or((200, intent), |code| (402, error("card_error", "card_declined", Some(code))))
    }

    fn refund(&mut self, form: &HashMap<String, String>) -> (u16, Value) {
        let intent = &form["payment_intent"];
        if !self.intents.contains_key(intent) {
            return (404, error("invalid_request_error", "resource_missing", None));
        }
        if self.refunds.contains_key(intent) {
            return (400, error("invalid_request_error", "charge_already_refunded", None));
        }
        let refund = json!({ "id": format!("re_{intent}"), "object": "refund", "status": "succeeded" });
        self.refunds.insert(intent.clone(), refund.clone());
        (200, refund)
    }

    fn get(&mut self, path: &str, query: Option<&str>) -> ResponseTemplate {
        if path == "/v1/payment_intents/search" {
            let found = self.intents.values().filter(|intent| {
                let transaction = intent["metadata"]["transaction_uuid"].as_str().unwrap_or_default();
                query == Some(&format!("metadata['transaction_uuid']:'{transaction}'"))
            });
            return ResponseTemplate::new(200).set_body_json(json!({ "data": found.collect::<Vec<_>>() }));
        }
        match path.strip_prefix("/v1/payment_intents/").and_then(|id| self.intents.get_mut(id)) {
            Some(intent) => {
                if intent["status"] == "processing" {
                    intent["status"] = "succeeded".into();
                }
                ResponseTemplate::new(200).set_body_json(intent)
            }
            None => ResponseTemplate::new(404),
        }
    }
}

impl Respond for Books {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.state();
        if request.headers["authorization"] != format!("Bearer {KEY}") {
            return ResponseTemplate::new(401);
        }
        if request.method == "GET" {
            let query =
                request.url.query_pairs().find(|(name, _)| name == "query").map(|(_, value)| value.into_owned());
            return state.get(request.url.path(), query.as_deref());
        }
        let key = request.headers["idempotency-key"].to_str().unwrap().to_owned();
        let mut form: HashMap<String, String> =
            reqwest::Url::parse(&format!("x:?{}", String::from_utf8_lossy(&request.body)))
                .unwrap()
                .query_pairs()
                .into_owned()
                .collect();
        let answer = state.post(request.url.path(), &key, &form);
        form.insert("Idempotency-Key".to_owned(), key);
        state.posts.push(form);
        answer
    }
}

fn error(kind: &str, code: &str, decline_code: Option<&str>) -> Value {
    json!({ "error": { "type": kind, "code": code, "decline_code": decline_code, "message": "as it is" } })
}
