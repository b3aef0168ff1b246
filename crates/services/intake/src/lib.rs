//! The intake service consumes orders of outside programs from a topic, stores each once, and shows it by its id.

pub mod api;
pub mod app;
pub mod client;
pub mod config;
pub mod consumers;
pub mod error;
pub mod jobs;
mod metrics;
pub mod model;
pub mod repository;
pub mod sample;
pub mod service;

use config::Config;
use contracts::ports;
use platform::server::service::{Call, OwnDatabase, Service};

pub static SERVICE: Service = Service {
    name: "intake",
    about: "Takes orders from a stream and shows any of them by its id",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::INTAKE,
    admin_port: 9472,
    second_api: None,
    database: Some(OwnDatabase { connections: 10, migrations: &repository::MIGRATIONS }),
    redis: false,
    rules: || vec![&api::RULES],
    openapi: Some(api::document),
    metrics: metrics::METRICS,
    calls: &[Call::when_requested("iam")],
    decisions: &[],
    check: |settings| Config::load(settings).map(drop),
    build: |settings| Box::pin(async move { app::build(Config::load(&settings)?).await }),
};
