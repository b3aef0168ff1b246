//! Ordinary clients with the attackers' source address, for attacks that keep to the protocol.

use std::{net::SocketAddr, time::Duration};

use tonic::transport::{Channel, Endpoint};

use super::connection::source;

const LIMIT: Duration = Duration::from_secs(30);

/// An HTTP client; none where it cannot be made.
pub fn client(target: SocketAddr) -> Option<reqwest::Client> {
    let builder = reqwest::Client::builder().timeout(LIMIT).local_address(source(target));
    builder.build().ok()
}

/// A gRPC channel that connects when it is first used.
pub fn channel(target: SocketAddr) -> Option<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{target}")).ok()?.timeout(LIMIT);
    Some(endpoint.local_address(source(target)).connect_lazy())
}
