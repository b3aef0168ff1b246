//! The notification service informs users through Telegram about their orders, once per event.

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
pub mod service;

use config::Config;
use contracts::ports;
use platform::server::service::{Call, OwnDatabase, Service};

pub static SERVICE: Service = Service {
    name: "notification",
    about: "Notifies users of what happened to their orders",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::NOTIFICATION,
    admin_port: 9469,
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
