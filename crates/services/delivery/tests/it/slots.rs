//! Requests that wait for geo leave slots to others.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use delivery::{
    api::http as api,
    client::{Geo, GeoError, MemoryOrderAddresses},
    model::{Location, Street},
    repository::MemoryRepository,
    service::{DeliveryService, Repositories},
};
use platform::{http, outbox::Waker, server::readiness::Readiness};
use reqwest::StatusCode;
use tokio::{net::TcpListener, task::JoinSet};

const SLOTS: usize = 8;

/// A geo that never answers.
struct Hanging;

#[async_trait]
impl Geo for Hanging {
    async fn locate(&self, _: &Street) -> Result<Location, GeoError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn couriers_are_listed_while_trial_orders_wait_for_geo() {
    let service = DeliveryService::new(
        Repositories::new(Arc::new(MemoryRepository::default())),
        Arc::new(MemoryOrderAddresses::default()),
        Arc::new(Hanging),
        Waker::default(),
        Duration::from_secs(1),
    );
    let guard = testkit::guard("delivery", &api::RULES).open();
    let router = api::router(service, guard, Readiness::default(), SLOTS);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/v1", listener.local_addr().unwrap());
    let _server = testkit::run(|stop| http::serve(listener, router, Readiness::default(), stop));
    let client = http::client(Duration::from_secs(30)).unwrap();

    let mut requests = JoinSet::new();
    for _ in 0..SLOTS {
        let request = client.post(format!("{url}/orders"));
        requests.spawn(async move { request.send().await.unwrap().status() });
    }
    // Three eighths of the requests wait for geo, and the others are rejected.
    for _ in 0..SLOTS * 5 / 8 {
        assert_eq!(requests.join_next().await.unwrap().unwrap(), StatusCode::TOO_MANY_REQUESTS);
    }
    let read = client.get(format!("{url}/couriers")).send().await.unwrap();

    assert_eq!(read.status(), StatusCode::OK);
}
