//! Servers on free ports, and their guards. `testkit::serve` serves gRPC.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use platform::{
    auth::{Guard, ServiceKey, Sessions},
    http,
    server::readiness::Readiness,
};
use testkit::Running;
use tokio::net::TcpListener;

pub async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    (listener, address)
}

/// Serves until the handle is dropped.
pub async fn over_http(router: Router) -> (SocketAddr, Running) {
    let (listener, address) = bind().await;
    (address, testkit::run(|stop| http::serve(listener, router, Readiness::default(), stop)))
}

pub fn key(service: &'static str) -> ServiceKey {
    ServiceKey::new(service, &testkit::SERVICE_KEY.into()).expect("the key of tests is long enough")
}

/// Creates a guard of the service geo that knows these sessions and no rule.
pub fn guard(sessions: impl Sessions + 'static) -> Guard {
    Guard::new(Arc::new(sessions), key("geo"), &[])
}
