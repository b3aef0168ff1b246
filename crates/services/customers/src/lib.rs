//! The customers service stores profiles, has identities checked, and credits loans to verified customers.

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
    name: "customers",
    about: "Checks the identity of customers and credits their loans",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::CUSTOMERS,
    admin_port: 9473,
    second_api: None,
    database: Some(OwnDatabase { connections: 10, migrations: &repository::MIGRATIONS }),
    redis: false,
    rules: || vec![api::RULES],
    openapi: None,
    metrics: metrics::METRICS,
    calls: &[Call::when_requested("iam"), Call::in_background("payment")],
    decisions: &[&["KYC_PROVIDER_URL", "KYC_BUILT_IN=true"]],
    check: |settings| Config::load(settings).map(drop),
    build: |settings| Box::pin(async move { app::build(Config::load(&settings)?).await }),
};
