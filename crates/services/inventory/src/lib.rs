//! The inventory service keeps the parts catalogue and the stock. It reserves parts for orders so that no unit is sold
//! twice.

pub mod api;
pub mod app;
pub mod catalogue;
pub mod client;
pub mod config;
pub mod consumers;
pub mod error;
pub mod jobs;
mod metrics;
pub mod model;
pub mod repository;
pub mod service;

use config::Config;
use contracts::ports;
use platform::server::service::{Call, OwnDatabase, Service};

pub static SERVICE: Service = Service {
    name: "inventory",
    about: "Knows the parts, and reserves them for orders",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::INVENTORY,
    admin_port: 9465,
    second_api: None,
    database: Some(OwnDatabase { connections: 10, migrations: &repository::MIGRATIONS }),
    redis: false,
    rules: || vec![api::RULES],
    openapi: None,
    metrics: metrics::METRICS,
    calls: &[Call::when_requested("iam"), Call::in_background("order")],
    decisions: &[],
    check: |settings| Config::load(settings).map(drop),
    build: |settings| Box::pin(async move { app::build(Config::load(&settings)?).await }),
};
