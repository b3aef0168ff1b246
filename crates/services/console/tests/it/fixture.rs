//! The service over PostgreSQL and Kafka, with a stand-in for iam. The other services are not reachable.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use console::{
    app,
    config::Config,
    model::NewRecord,
    repository::{MIGRATIONS, PgTimeline, Timeline as _},
};
use contracts::{
    events::{Published, record},
    ids::OrderId,
};
use outbox::Record;
use platform::{clock, config::Settings, ids};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use testkit::{Database, HttpResponse, Iam, Kafka, Running, eventually, fetch};
use uuid::Uuid;

use crate::{operations::operations, shop::Shop};

pub struct Fixture {
    pub kafka: Kafka,
    pub iam: Iam,
    pub database: Database,
    pub settings: Settings,
    _operations: Option<Running>,
    http: SocketAddr,
    service: Option<Running>,
}

impl Fixture {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let (database, kafka, iam) = tokio::join!(testkit::database(&MIGRATIONS), testkit::kafka(), testkit::iam());
        // Nothing listens on port 1.
        let away = [
            "ORDER_HTTP_ADDRESS",
            "INVENTORY_ADDRESS",
            "PAYMENT_ADDRESS",
            "CUSTOMERS_ADDRESS",
            "DELIVERY_ADDRESS",
            "GEO_ADDRESS",
            "NOTIFICATION_ADDRESS",
            "INTAKE_ADDRESS",
            "OPERATIONS_ADDRESS",
        ];
        let settings = testkit::settings()
            .with(kafka.settings())
            .with(away.map(|name| (name, "127.0.0.1:1".to_owned())))
            .with([("CONSOLE_DATABASE_URL", database.url.clone()), ("IAM_ADDRESS", iam.address.to_string())]);
        let settings = settings.with(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let (http, service) = start(&settings).await;
        Self { kafka, iam, database, settings, _operations: None, http, service: Some(service) }
    }

    /// Starts the service with a stand-in for operations over this shop.
    pub async fn operating(shop: Arc<Shop>) -> Self {
        let (address, running) = operations(shop).await;
        Self { _operations: Some(running), ..Self::with(&[("OPERATIONS_ADDRESS", &address.to_string())]).await }
    }

    /// Kills the service and starts it again.
    pub async fn crash(&mut self) {
        if let Some(service) = self.service.take() {
            service.kill().await;
        }
        let (http, service) = start(&self.settings).await;
        (self.http, self.service) = (http, Some(service));
    }

    /// Kills the service and starts it again with other variables.
    pub async fn restart_with(&mut self, variables: &[(&str, &str)]) {
        let changed = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
        self.settings = self.settings.clone().with(changed);
        self.crash().await;
    }

    /// Stops the service gracefully.
    pub async fn stop(&mut self) {
        if let Some(service) = self.service.take() {
            service.stop().await;
        }
    }

    /// Publishes an event of an order, like the service that writes it.
    pub async fn publish<E: Published>(&self, order: Uuid, event: E) {
        self.send(&self.kafka.topic::<E>(), order, E::TYPE, record(order, event).payload).await;
    }

    /// Publishes a record with the key of an order.
    pub async fn send(&self, topic: &str, order: Uuid, kind: &str, payload: Vec<u8>) {
        let headers = HashMap::from([("event-type".to_owned(), kind.to_owned())]);
        let record = Record { topic: topic.to_owned(), key: order.to_string().into_bytes(), payload, headers };
        self.kafka.publish(vec![record]).await;
    }

    /// Adds records to the timeline as another replica does.
    pub async fn add(&self, records: &[NewRecord]) {
        PgTimeline::new(self.database.pool.clone()).add(records.to_vec()).await.unwrap();
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let client = platform::http::client(Duration::from_secs(20)).unwrap();
        client.request(method, format!("http://{}{path}", self.http))
    }

    /// Sends a request as a browser's page does: with the cookie of the session.
    pub async fn get(&self, path: &str, session: &str) -> HttpResponse {
        fetch(self.request(Method::GET, path).header("cookie", cookie(session))).await
    }

    /// Sends JSON as a program does.
    pub async fn post(&self, path: &str, session: &str, body: &Value) -> HttpResponse {
        let request = self.request(Method::POST, path).header("cookie", cookie(session));
        fetch(request.header("origin", self.origin()).json(body)).await
    }

    /// Sends a form from a page of the console.
    pub async fn form(&self, path: &str, session: &str, form: &[(&str, &str)]) -> HttpResponse {
        fetch(
            self.request(Method::POST, path)
                .header("cookie", cookie(session))
                .header("origin", self.origin())
                .form(form),
        )
        .await
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Opens a stream of server-sent events. The stream begins after the event with the id `after`.
    pub async fn stream(&self, path: &str, session: &str, after: Option<i64>) -> Stream {
        let mut request = self.request(Method::GET, path).header("cookie", cookie(session));
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        // A stream takes longer than other requests.
        let response = request.timeout(std::time::Duration::from_mins(5)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap_or_default());
        Stream { response, rest: String::new() }
    }

    /// Waits until an order has `count` steps and returns them.
    pub async fn steps(&self, order: Uuid, session: &str, count: usize) -> Vec<Value> {
        let path = format!("/console/api/orders/{order}/timeline");
        eventually(async || {
            let steps = self.get(&path, session).await.json()["steps"].as_array().cloned().unwrap_or_default();
            (steps.len() >= count).then_some(steps)
        })
        .await
    }
}

pub struct Stream {
    response: Response,
    rest: String,
}

impl Stream {
    /// Returns the id and the data of the next event. `None` at the end of the stream. Panics if the connection breaks
    /// before.
    pub async fn next(&mut self) -> Option<(i64, Value)> {
        loop {
            while let Some((event, rest)) = self.rest.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let found = field("id:").and_then(|id| id.parse().ok()).zip(field("data:").map(str::to_owned));
                let rest = rest.to_owned();
                self.rest = rest;
                if let Some((id, data)) = found {
                    return Some((id, serde_json::from_str(&data).unwrap()));
                }
            }
            let chunk = self.response.chunk().await.expect("the stream is whole")?;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    pub async fn take(&mut self, count: usize) -> Vec<(i64, Value)> {
        let mut taken = Vec::new();
        while taken.len() < count {
            taken.push(self.next().await.expect("the stream goes on"));
        }
        taken
    }
}

pub fn cookie(session: &str) -> String {
    format!("shipyard_session={session}")
}

/// Returns a record of an order whose payload names its user.
pub fn stored(order: Uuid, user: Uuid, offset: i64) -> NewRecord {
    let now = clock::now();
    NewRecord {
        origin: String::new(),
        topic: "another".to_owned(),
        partition: 0,
        offset,
        order: OrderId::new(order),
        user: Some(contracts::ids::UserId::new(user)),
        event: Some(ids::random()),
        kind: "events.v1.Unheard".to_owned(),
        committed_at: now,
        published_at: now,
        consumed_at: now,
        trace: None,
        payload: Value::Null,
        headers: Value::Null,
    }
}

async fn start(settings: &Settings) -> (SocketAddr, Running) {
    testkit::start(app::build(Config::load(settings).unwrap()).await.unwrap()).await
}
