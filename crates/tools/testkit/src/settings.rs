//! The settings that all services under test share.

use std::net::SocketAddr;

use platform::{
    auth::{SESSION_METADATA, ServiceKey},
    config::Settings,
    grpc::Peer,
};
use tonic::Request;

/// The service key in all tests.
pub const SERVICE_KEY: &str = "the key of tests, long enough for HS256";

const SERVICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../services");

/// Returns settings with a service key, and listen ports chosen by the system. The environment is development, so that
/// iam has a key for access tokens. Extend them with [`Settings::with`].
pub fn settings() -> Settings {
    let services = std::fs::read_dir(SERVICES).expect("the services are in the tree");
    let services = services.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().to_uppercase()));
    let variables: Vec<(String, String)> = services
        .flat_map(|service| {
            let listen = |api: &str| format!("{service}_{api}LISTEN");
            [listen(""), listen("ADMIN_"), listen("GRPC_"), listen("HTTP_")]
        })
        .map(|name| (name, "127.0.0.1:0".to_owned()))
        .collect();
    Settings::from_variables([
        ("SERVICE_KEY", SERVICE_KEY.to_owned()),
        ("SHIPYARD_ENVIRONMENT", "development".to_owned()),
    ])
    .with(variables.iter().map(|(name, value)| (name.as_str(), value.clone())))
}

/// Returns a channel to the service `name` at `address`, for calls of order; if `name` is order, of delivery.
pub fn peer(name: &'static str, address: SocketAddr) -> Peer {
    peer_of(if name == "order" { "delivery" } else { "order" }, name, address)
}

/// Returns a channel to the service `name` at `address`, for calls of the service `caller`.
pub fn peer_of(caller: &'static str, name: &'static str, address: SocketAddr) -> Peer {
    let key = ServiceKey::new(caller, &SERVICE_KEY.into()).expect("the key of tests is long enough");
    Peer::lazy(name, "TEST_ADDRESS", &address.to_string()).expect("a socket address is an address").identified(key)
}

/// Returns a request with this session in its metadata.
///
/// # Panics
///
/// If the session is not printable ASCII.
pub fn with_session<T>(session: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(SESSION_METADATA, session.parse().expect("a session is printable ASCII"));
    request
}
