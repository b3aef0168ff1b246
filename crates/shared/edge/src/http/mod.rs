//! HTTP: clients, listeners, and APIs with a layer around every request. `listener::connection` sets the limits of the
//! protocol.

pub mod endpoints;
pub mod health;
pub mod json;
mod layer;
pub mod openapi;
pub mod openapi_pages;
pub mod pages;
pub mod query;
pub(crate) mod wrong_members;

use std::time::Duration;

use anyhow::Context as _;
use axum::{
    Router,
    http::{HeaderMap, header},
};
use backon::{ConstantBuilder, Retryable as _};
use base::readiness::Readiness;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) use self::layer::catch_panics;
pub use self::layer::{as_problem, layers, layers_with, layers_with_problems};
use crate::listener::{Listener, Protocol};
pub use crate::{
    problem::{self, method_not_allowed, not_found},
    request_body::BODY_LIMIT,
    request_target,
};
pub use base::deadline::REQUEST_TIMEOUT;

/// Creates a client for HTTP APIs. A request takes at most `timeout`, of which connecting takes at most two seconds.
pub fn client(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    let builder = client_builder().timeout(timeout).connect_timeout(Duration::from_secs(2));
    builder.build().context("making an HTTP client")
}

/// Returns a builder for HTTP clients, after installing a cryptography provider, without which building a client would
/// panic.
#[expect(clippy::disallowed_methods, reason = "all other clients are made here")]
pub fn client_builder() -> reqwest::ClientBuilder {
    // Fails if a provider is installed already, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}

/// Returns a builder for clients of outside systems. They follow no redirect, which could send secrets or personal data
/// to another host, and ping their HTTP/2 connections: after a timeout, the next request would reuse a dead one.
pub fn outside_client_builder() -> reqwest::ClientBuilder {
    client_builder()
        .redirect(reqwest::redirect::Policy::none())
        .http2_keep_alive_interval(Duration::from_secs(5))
        .http2_keep_alive_timeout(Duration::from_secs(3))
        .http2_keep_alive_while_idle(true)
}

#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the response has more than {0} bytes")]
    TooLarge(usize),
    #[error(transparent)]
    Lost(#[from] reqwest::Error),
}

/// Reads the body of an outside system's response, of at most `limit` bytes, so that it cannot exhaust memory. If the
/// body is larger, stops reading and closes the connection.
pub async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > limit - body.len() {
            return Err(BodyError::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns true if the client names this media type among those that it accepts.
pub fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == media_type))
}

/// Binds `address` for the listener that `variable` configures. If the port stays in use for two seconds, the error
/// names `variable`.
pub async fn bind(variable: &str, address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    // The default ports are in the range of ports for outgoing connections, so the operating system may have assigned
    // one for a moment.
    let backoff = ConstantBuilder::new().with_delay(Duration::from_millis(100)).with_max_times(20);
    let bind = || TcpListener::bind(address);
    let bound = bind.retry(backoff).when(|error| error.kind() == std::io::ErrorKind::AddrInUse).await;
    bound.with_context(|| {
        format!("cannot listen on {address}; stop what listens there or set {variable} to another address")
    })
}

/// Serves until `stop`, continues during the drain, then finishes the requests in flight within
/// [`REQUEST_TIMEOUT`].
pub async fn serve(
    listener: impl Into<Listener>,
    router: Router,
    readiness: Readiness,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    listener.into().serve(Protocol::Http, router, readiness, stop).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_port_that_becomes_free_in_a_moment_is_waited_for() {
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = other.local_addr().unwrap();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            drop(other);
        });

        let listener = bind("EXAMPLE_LISTEN", address).await.unwrap();

        assert_eq!(listener.local_addr().unwrap(), address);
    }
}
