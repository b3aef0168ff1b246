//! The order service accepts orders over HTTP, reserves their parts in inventory and charges them through payment. It
//! completes or undoes an order when assembly reports a result, and tracks its delivery.

pub mod api;
pub mod app;
pub mod client;
pub mod config;
pub mod consumers;
pub mod error;
pub mod events;
pub mod jobs;
mod metrics;
pub mod model;
pub mod repository;
pub mod service;

use config::Config;
use contracts::ports;
use platform::server::service::{Call, OwnDatabase, SecondApi, Service};

pub static SERVICE: Service = Service {
    name: "order",
    about: "Takes orders over HTTP and follows them until the ship is built",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::ORDER,
    admin_port: 9466,
    second_api: Some(SecondApi::Grpc(ports::ORDER_GRPC)),
    database: Some(OwnDatabase { connections: 20, migrations: &repository::MIGRATIONS }),
    redis: true,
    rules: || vec![&api::RULES, api::grpc::RULES],
    openapi: Some(api::document),
    metrics: metrics::METRICS,
    calls: &[
        Call::when_requested("iam"),
        Call::when_requested("inventory"),
        Call::when_requested("payment"),
        Call::when_requested("delivery"),
    ],
    decisions: &[],
    check: |settings| Config::load(settings).map(drop),
    build: |settings| Box::pin(async move { app::build(Config::load(&settings)?).await }),
};
