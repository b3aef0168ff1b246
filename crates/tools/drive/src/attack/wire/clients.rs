//! Ordinary clients with the attackers' source address, for attacks that follow the protocol.

use std::{net::IpAddr, time::Duration};

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tonic::transport::{Channel, Endpoint};

use super::connection::{connect_from, source};
use crate::attack::entrances::Entrance;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Creates an HTTP client; `None` if that fails.
pub fn client(target: &Entrance) -> Option<reqwest::Client> {
    let builder = platform::http::client_builder().timeout(REQUEST_TIMEOUT).local_address(source(target.address));
    let builder = match &target.tls {
        Some((config, _)) => builder.tls_backend_preconfigured(ClientConfig::clone(config)),
        None => builder,
    };
    builder.build().ok()
}

/// Returns a gRPC channel that connects lazily.
pub fn channel(target: &Entrance) -> Option<Channel> {
    channel_from(target, source(target.address))
}

/// Returns a lazy channel with the source address `from`; with `None`, the system chooses the address, as for other
/// clients.
pub fn channel_from(target: &Entrance, from: Option<IpAddr>) -> Option<Channel> {
    let endpoint = Endpoint::from_shared(target.url.clone()).ok()?.timeout(REQUEST_TIMEOUT);
    let target = target.clone();
    Some(endpoint.connect_with_connector_lazy(tower::service_fn(move |_: http::Uri| {
        let target = target.clone();
        async move { connect_from(&target, from).await.map(TokioIo::new) }
    })))
}
