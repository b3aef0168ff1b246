//! The assembly service builds the ship of each paid order, which takes time, and publishes whether the build
//! succeeded.

pub mod api;
pub mod app;
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
    name: "assembly",
    about: "Builds the ships of paid orders",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::ASSEMBLY,
    admin_port: 9468,
    second_api: None,
    database: Some(OwnDatabase { connections: 10, migrations: &repository::MIGRATIONS }),
    redis: false,
    rules: || vec![api::RULES],
    openapi: None,
    metrics: metrics::METRICS,
    calls: &[Call::when_requested("iam")],
    decisions: &[],
    check: |settings| Config::load(settings).map(drop),
    build: |settings| Box::pin(async move { app::build(Config::load(&settings)?).await }),
};
