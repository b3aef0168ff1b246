//! The delivery service carries each built ship to its address. Its couriers move on a 10 × 10 grid; each carries one
//! order at a time.

pub mod api;
pub mod app;
pub mod client;
pub mod config;
pub mod consumers;
pub mod error;
pub mod events;
pub mod first_couriers;
pub mod generate;
pub mod jobs;
mod metrics;
pub mod model;
pub mod repository;
pub mod service;

use config::Config;
use contracts::ports;
use platform::server::service::{Call, OwnDatabase, SecondApi, Service};

pub static SERVICE: Service = Service {
    name: "delivery",
    about: "Carries orders to their addresses by couriers",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::DELIVERY,
    admin_port: 9470,
    second_api: Some(SecondApi::Http(ports::DELIVERY_HTTP)),
    database: Some(OwnDatabase { connections: 10, migrations: &repository::MIGRATIONS }),
    redis: false,
    rules: || vec![&api::RULES, api::grpc::RULES],
    openapi: Some(api::document),
    metrics: metrics::METRICS,
    calls: &[Call::when_requested("iam"), Call::in_background("order"), Call::in_background("geo")],
    decisions: &[],
    check: |settings| Config::load(settings).map(drop),
    build: |settings| Box::pin(async move { app::build(Config::load(&settings)?).await }),
};
