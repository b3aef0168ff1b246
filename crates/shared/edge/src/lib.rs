//! The edge of a service: what its callers reach, and what it reaches of its peers. Listeners, HTTP, gRPC, channels,
//! the guard and TLS.
//!
//! It is beside `events`, below `platform` and above `base`; services use its modules by `platform`'s name, such as
//! `platform::http`. It knows no database and no broker, and no API: a service brings its routes, and a table that says
//! who may call each.
//!
//! - [`listener::Listener`] accepts connections within bounds, with or without TLS, and shuts down in stages.
//! - HTTP, in [`http`]: [`layers`](http::layers) goes around a router, [`Endpoints`](http::endpoints::Endpoints) is the
//!   table of an API, and [`Problem`](http::problem::Problem) is the body of each response that is not a success.
//! - [`InvalidFields`](invalid::InvalidFields) lists what is wrong with a request, as a problem or as a gRPC status.
//! - gRPC, in [`grpc`]: [`Services`](grpc::Services) is a server with health and reflection, and [`Peer`](grpc::Peer)
//!   is a channel to the replicas of another service.
//! - Who calls, in [`auth`]: a [`Guard`](auth::Guard) identifies the [`Caller`](auth::Caller) and applies the
//!   [`Rule`](auth::Rule) of the method; [`security_events`] records what matters about identities and rights.
//! - [`tls::Tls`] are the certificates of a process, which it reads again when their files change.
//! - [`slots`] bounds the requests in flight, in total and of one user; [`request_telemetry`] gives each a span and
//!   counts it.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use base::readiness::Readiness;
//! use edge::http;
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example() -> anyhow::Result<()> {
//! let socket = http::bind("HELLO_LISTEN", "127.0.0.1:8080".parse()?).await?;
//! let router = http::layers(Router::new().route("/hello", get(async || "hello")));
//! http::serve(socket, router, Readiness::default(), CancellationToken::new()).await
//! # }
//! ```

pub mod auth;
pub mod grpc;
pub mod http;
pub mod invalid;
pub mod listener;
pub mod problem;
mod request_body;
pub mod request_target;
pub mod request_telemetry;
pub mod security_events;
pub mod shared_layer;
pub mod slots;
pub mod tls;
