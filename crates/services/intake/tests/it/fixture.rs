//! The service, which may be restarted, and helpers for tests.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use contracts::events::ORDERS;
use intake::{
    app,
    config::Config,
    model::{Order, OrderUid},
    repository::MIGRATIONS,
    sample,
};
use outbox::Record;
use platform::{
    config::Settings,
    kafka::{Message, dead_letter_topic},
};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use stand_ins::Proxy;
use testkit::{Database, HttpResponse, Iam, Kafka, Running, eventually, fetch};

pub struct Fixture {
    pub kafka: Kafka,
    pub iam: Iam,
    pub database: Database,
    /// The proxy between the service and PostgreSQL.
    pub path: Proxy,
    settings: Settings,
    http: SocketAddr,
    service: Option<Running>,
}

/// An order that no other test has.
pub fn order(number: u64) -> Order {
    sample::order(platform::ids::random().as_u64_pair().0, number)
}

/// The example of the published model, in which `sale` is a percentage.
pub fn example() -> Value {
    serde_json::json!({
        "order_uid": "b563feb7b2b84b6test",
        "track_number": "WBILMTESTTRACK",
        "entry": "WBIL",
        "delivery": {
            "name": "Test Testov", "phone": "+9720000000", "zip": "2639809", "city": "Kiryat Mozkin",
            "address": "Ploshad Mira 15", "region": "Kraiot", "email": "test@gmail.com"
        },
        "payment": {
            "transaction": "b563feb7b2b84b6test", "request_id": "", "currency": "USD", "provider": "wbpay", "amount": 1817,
            "payment_dt": 1_637_907_727, "bank": "alpha", "delivery_cost": 1500, "goods_total": 317, "custom_fee": 0
        },
        "items": [{
            "chrt_id": 9_934_930, "track_number": "WBILMTESTTRACK", "price": 453, "rid": "ab4219087a764ae0btest",
            "name": "Mascaras", "sale": 30, "size": "0", "total_price": 317, "nm_id": 2_389_212, "brand": "Vivienne Sabo",
            "status": 202
        }],
        "locale": "en",
        "internal_signature": "",
        "customer_id": "test",
        "delivery_service": "meest",
        "shardkey": "9",
        "sm_id": 99,
        "date_created": "2021-11-26T06:22:19Z",
        "oof_shard": "1"
    })
}

impl Fixture {
    pub async fn open() -> Self {
        Self::with(&[("INTAKE_OPEN", "true")]).await
    }

    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let (database, kafka, iam) = tokio::join!(testkit::database(&MIGRATIONS), testkit::kafka(), testkit::iam());
        let (path, through) = proxy(&database).await;
        let settings = testkit::settings()
            .with(kafka.settings())
            .with([("INTAKE_DATABASE_URL", through), ("IAM_ADDRESS", iam.address.to_string())]);
        let settings = settings.with(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let (http, service) = start(&settings).await;
        Self { kafka, iam, database, path, settings, http, service: Some(service) }
    }

    pub async fn crash(&mut self) {
        if let Some(service) = self.service.take() {
            service.kill().await;
        }
        let (http, service) = start(&self.settings).await;
        (self.http, self.service) = (http, Some(service));
    }

    pub async fn publish(&self, payloads: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let topic = ORDERS.topic(&self.kafka.topics()).to_owned();
        let record = |(key, payload): (String, Vec<u8>)| Record {
            topic: topic.clone(),
            key: key.into_bytes(),
            payload,
            headers: HashMap::new(),
        };
        self.kafka.publish(payloads.into_iter().map(record).collect()).await;
    }

    pub async fn publish_orders(&self, orders: &[Order]) {
        let record = |order: &Order| (order.order_uid.to_string(), serde_json::to_vec(order).unwrap());
        self.publish(orders.iter().map(record)).await;
    }

    /// Waits until there are at least `count` dead letters and returns them all.
    pub async fn letters(&self, count: usize) -> Vec<Message> {
        let topic = dead_letter_topic(ORDERS.topic(&self.kafka.topics()));
        eventually(async || Some(self.kafka.messages(&topic).await).filter(|letters| letters.len() >= count)).await
    }

    pub async fn count(&self) -> i64 {
        sqlx::query_scalar("select count(*) from orders").fetch_one(&self.database.pool).await.unwrap()
    }

    /// Waits until at least `count` orders are stored.
    pub async fn stored(&self, count: i64) {
        eventually(async || (self.count().await >= count).then_some(())).await;
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let client = platform::http::client(Duration::from_secs(10)).unwrap();
        client.request(method, format!("http://{}{path}", self.http))
    }

    pub async fn get(&self, path: &str) -> HttpResponse {
        fetch(self.request(Method::GET, path)).await
    }

    pub async fn get_as(&self, path: &str, session: &str) -> HttpResponse {
        fetch(self.request(Method::GET, path).header("x-session-uuid", session)).await
    }

    pub async fn page(&self, path: &str) -> HttpResponse {
        fetch(self.request(Method::GET, path).header("accept", "text/html,*/*;q=0.8")).await
    }

    pub async fn post(&self, path: &str, body: &Value, session: Option<&str>) -> HttpResponse {
        let request =
            self.request(Method::POST, path).header("content-type", "application/json").body(body.to_string());
        fetch(match session {
            Some(session) => request.header("x-session-uuid", session),
            None => request,
        })
        .await
    }

    /// Waits until the order can be found, and returns the response.
    pub async fn found(&self, uid: &OrderUid) -> HttpResponse {
        let path = format!("/orders/{uid}");
        eventually(async || Some(self.get(&path).await).filter(|response| response.status == 200)).await
    }
}

/// Starts a proxy before PostgreSQL. Returns it with the URL of the database through it.
pub async fn proxy(database: &Database) -> (Proxy, String) {
    let mut url = reqwest::Url::parse(&database.url).unwrap();
    let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let proxy = Proxy::to(target).await.unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.address().port())).unwrap();
    (proxy, url.into())
}

async fn start(settings: &Settings) -> (SocketAddr, Running) {
    testkit::start(app::build(Config::load(settings).unwrap()).await.unwrap()).await
}
