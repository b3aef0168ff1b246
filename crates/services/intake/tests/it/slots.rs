//! Requests that wait for Kafka or PostgreSQL leave slots to others.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use intake::{
    api,
    client::Topic,
    config::Own,
    error::Error,
    model::{Order, OrderUid},
    repository::{Orders, PositionedOrder, StoredOrder},
    service::{Cache, IntakeService},
};
use platform::{
    auth::{Guard, MemorySessions, ServiceKey},
    config::Settings,
    http, ids,
    server::readiness::Readiness,
};
use reqwest::StatusCode;
use testkit::eventually;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

use crate::fixture::order;

/// The slots of the API.
const SLOTS: usize = 8;
/// More than the API has slots.
const PERMITS: usize = 100;

/// A database and a broker that never respond. Each request that waits holds a permit.
#[derive(Clone)]
struct Hanging(Arc<Semaphore>);

impl Hanging {
    fn new() -> Self {
        Self(Arc::new(Semaphore::new(PERMITS)))
    }

    /// Returns how many requests wait.
    fn waiting(&self) -> usize {
        PERMITS - self.0.available_permits()
    }

    async fn never<T>(&self) -> T {
        let _permit = self.0.acquire().await;
        std::future::pending().await
    }
}

#[async_trait]
impl Orders for Hanging {
    async fn insert(&self, _: &[&Order]) -> Result<HashSet<OrderUid>, Error> {
        self.never().await
    }

    async fn stored(&self, _: &[&OrderUid]) -> Result<HashMap<OrderUid, StoredOrder>, Error> {
        self.never().await
    }

    async fn latest(&self, _: Option<i64>, _: i64) -> Result<Vec<PositionedOrder>, Error> {
        self.never().await
    }

    async fn of_customer(&self, _: &str, _: &str, _: i64) -> Result<Vec<OrderUid>, Error> {
        self.never().await
    }

    async fn erase(&self, _: &str, _: i64) -> Result<Vec<OrderUid>, Error> {
        self.never().await
    }

    async fn erased_within(&self, _: Duration, _: i64) -> Result<Vec<OrderUid>, Error> {
        self.never().await
    }
}

#[async_trait]
impl Topic for Hanging {
    async fn publish(&self, _: &Order) -> Result<(), Error> {
        self.never().await
    }
}

#[tokio::test]
async fn cached_orders_are_served_while_other_requests_wait_for_kafka_and_postgresql() {
    let (hanging, cached) = (Hanging::new(), Arc::new(order(1)));
    let cache = Cache::new(10, 32 << 20, Duration::from_mins(1));
    cache.add([cached.clone()]);
    let service = IntakeService::new(Arc::new(hanging.clone()), Arc::new(hanging.clone()), cache);
    let sessions = MemorySessions::default();
    sessions.open_operator("operator", ids::random());
    let key = ServiceKey::new("intake", &testkit::SERVICE_KEY.into()).unwrap();
    let guard = Guard::new(Arc::new(sessions), key, &api::RULES);
    let variables = [("INTAKE_OPEN", "true".to_owned()), ("INTAKE_MAX_IN_FLIGHT", SLOTS.to_string())];
    let own: Own = Settings::from_variables(variables).read().unwrap();
    let router = api::router(service, &guard, Readiness::default(), &own);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let _server = testkit::run(|stop| http::serve(listener, router, Readiness::default(), stop));
    let client = http::client(Duration::from_secs(30)).unwrap();

    let (mut requests, mut waiting) = (JoinSet::new(), 0);
    let body = serde_json::to_string(&order(2)).unwrap();
    // The look-ups are last, because they end first.
    for (request, share) in [
        (client.post(format!("{url}/orders")).header("content-type", "application/json").body(body), 3),
        (client.post(format!("{url}/customers/ann/erase")).header("x-session-uuid", "operator"), 1),
        (client.get(format!("{url}/orders/{}", order(3).order_uid)), 3),
    ] {
        for _ in 0..SLOTS {
            let request = request.try_clone().unwrap();
            requests.spawn(async move { request.send().await.unwrap().status() });
        }
        waiting += share;
        eventually(async || (hanging.waiting() == waiting).then_some(())).await;

        let hit = client.get(format!("{url}/orders/{}", cached.order_uid)).send().await.unwrap();
        assert_eq!(hit.status(), StatusCode::OK, "{request:?}");
        for _ in share..SLOTS {
            let refused = requests.join_next().await.unwrap().unwrap();
            assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS, "{request:?}");
        }
    }
}
