//! Stand-ins for services of this system, over gRPC.

use std::{net::SocketAddr, sync::Arc};

use platform::{
    auth::{Guard, MemorySessions, Rule, ServiceKey},
    grpc::Services,
    server::readiness::Readiness,
};
use tokio::net::TcpListener;

use crate::{
    running::{Running, run},
    settings::SERVICE_KEY,
};

/// Creates the guard of a stand-in for the service `name`. It admits services with the tests' key, and knows no
/// session.
pub fn guard(name: &'static str, rules: &'static [Rule]) -> Guard {
    let key = ServiceKey::new(name, &SERVICE_KEY.into()).expect("the key of tests is long enough");
    Guard::new(Arc::new(MemorySessions::default()), key, rules)
}

/// Serves on a free port until the handle is dropped.
pub async fn serve(guard: Guard, services: Services) -> (SocketAddr, Running) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    (address, run(|stop| services.serve(listener, guard, Readiness::default(), stop)))
}
