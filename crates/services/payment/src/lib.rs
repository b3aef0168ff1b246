//! The payment service charges each order at most once, even under retries, races and crashes. It publishes how each
//! attempt ended and refunds the charges of cancelled orders.

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
use platform::server::service::{Call, OwnDatabase, Service};

pub static SERVICE: Service = Service {
    name: "payment",
    about: "Charges orders and refunds what cancelled ones were charged",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::PAYMENT,
    admin_port: 9467,
    second_api: None,
    database: Some(OwnDatabase { connections: 10, migrations: &repository::MIGRATIONS }),
    redis: false,
    rules: || vec![api::RULES],
    openapi: None,
    metrics: metrics::METRICS,
    calls: &[Call::when_requested("iam")],
    decisions: &[&["PAYMENT_PROVIDER_URL", "PAYMENT_BUILT_IN=true"], &["PAYMENT_INITIAL_BALANCE"]],
    check: |settings| Config::load(settings).map(drop),
    build: |settings| Box::pin(async move { app::build(Config::load(&settings)?).await }),
};
