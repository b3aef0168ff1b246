//! Settings that all services under test have in common.

use std::net::SocketAddr;

use platform::{auth::ServiceKey, config::Settings, grpc::Peer};

/// The service key of all services of a test.
pub const SERVICE_KEY: &str = "the key of tests, long enough for HS256";

const SERVICES: [&str; 6] = ["IAM", "INVENTORY", "ORDER", "PAYMENT", "ASSEMBLY", "NOTIFICATION"];

/// A service key, and listen ports chosen by the system. Extend with [`Settings::with`].
pub fn settings() -> Settings {
    let variables: Vec<(String, String)> = SERVICES
        .iter()
        .flat_map(|service| [format!("{service}_LISTEN"), format!("{service}_ADMIN_LISTEN")])
        .map(|name| (name, "127.0.0.1:0".to_owned()))
        .collect();
    Settings::of([("SERVICE_KEY", SERVICE_KEY.to_owned())])
        .with(variables.iter().map(|(name, value)| (name.as_str(), value.clone())))
}

/// A channel to the service `name` at `address`, as the service `test`.
pub fn peer(name: &'static str, address: SocketAddr) -> Peer {
    peer_of("test", name, address)
}

/// A channel to the service `name` at `address`, as the service `caller`.
pub fn peer_of(caller: &'static str, name: &'static str, address: SocketAddr) -> Peer {
    let key = ServiceKey::new(caller, &SERVICE_KEY.into()).expect("the key of tests is long enough");
    Peer::lazy(name, "TEST_ADDRESS", &address.to_string()).expect("a socket address is an address").identified(key)
}
