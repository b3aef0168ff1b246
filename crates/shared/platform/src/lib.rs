//! The platform of a service: composes `base`, `store`, `events` and `edge` into a process that starts, serves and
//! stops in stages.
//!
//! Services name this crate alone. It re-exports the modules of the crates below, so that `platform::http` is
//! `edge::http` and `platform::clock` is `base::clock`, and adds what needs several of them:
//!
//! - [`server`]: a [`Service`](server::service::Service) describes a service; [`Server`](server::Server) owns its
//!   listeners, pool and readiness; [`App`](server::App) is a built service, with its APIs, consumers, relay and jobs;
//!   [`Tasks`](server::shutdown::Tasks) supervises them until the stop.
//! - [`cli::main`] is the `main` function of each service; [`config::load`] reads the variables of its process.
//! - [`telemetry`] writes logs, traces and metrics, of which [`METRICS`](telemetry::metric::METRICS) is the catalogue.
//! - [`jobs`] run on a timer or when a row falls due.
//!
//! It knows no service: the crate `contracts` and the services define which services there are, and what they say to
//! each other.
//!
//! ```no_run
//! use std::{process::ExitCode, sync::Arc};
//!
//! use axum::{Router, middleware::from_fn_with_state, routing::get};
//! use platform::{
//!     auth::{Guard, MemorySessions, Rule},
//!     config::Settings,
//!     http,
//!     server::{self, App, Server, service::Service},
//! };
//!
//! static HELLO: Service = Service {
//!     name: "hello",
//!     about: "Greets",
//!     version: env!("CARGO_PKG_VERSION"),
//!     port: 8080,
//!     admin_port: 9090,
//!     second_api: None,
//!     database: None,
//!     redis: false,
//!     rules: || vec![RULES],
//!     openapi: None,
//!     metrics: &[],
//!     calls: &[],
//!     decisions: &[],
//!     check: |settings| server::Config::load(&HELLO, settings).map(drop),
//!     build: |settings| Box::pin(build(settings)),
//! };
//!
//! const RULES: &[Rule] = &[Rule::public("GET /hello")];
//!
//! async fn build(settings: Settings) -> anyhow::Result<App> {
//!     let server = Server::bind(&HELLO, server::Config::load(&HELLO, &settings)?).await?;
//!     let guard = server.guard(Arc::new(MemorySessions::default()), RULES);
//!     let routes = Router::new().route("/hello", get(async || "hello")).layer(from_fn_with_state(guard, Guard::http));
//!     Ok(App::new(server).http(http::layers(routes)))
//! }
//!
//! fn main() -> ExitCode {
//!     platform::cli::main(&HELLO)
//! }
//! ```

pub mod cli;
pub mod config;
pub mod jobs;
pub mod server;
pub mod telemetry;

pub use base::{
    circuit_breaker, clock, cursor, date, deadline, error_chain, es256, ids, number, outage, random, retry,
};
pub use edge::{auth, grpc, http, invalid, listener, security_events, shared_layer, slots, tls};
pub use events::kafka;
pub use store::{postgres, redis};

/// glibc's allocator took a sixth of the processor time in a benchmark of session look-ups (`perf`, release build,
/// 2026-11-22).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
