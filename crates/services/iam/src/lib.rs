//! The iam service manages identities: it registers users, verifies passwords, and resolves sessions to users.

pub mod api;
pub mod app;
pub mod client;
pub mod config;
pub mod error;
pub mod events;
pub mod hashing;
mod metrics;
pub mod model;
pub mod repository;
pub mod service;
pub mod tokens;

use config::Config;
use contracts::ports;
use platform::server::service::{Call, OwnDatabase, Service};

pub static SERVICE: Service = Service {
    name: "iam",
    about: "Registers users, checks passwords and keeps sessions",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::IAM,
    admin_port: 9464,
    second_api: None,
    database: Some(OwnDatabase { connections: 10, migrations: &repository::MIGRATIONS }),
    redis: true,
    rules: || vec![api::RULES],
    openapi: None,
    metrics: metrics::METRICS,
    // A request to end an account asks order, which responds without asking others: the two do not wait for each other.
    calls: &[Call::in_background("order")],
    decisions: &[],
    check: |settings| Config::load(settings).map(drop),
    build: |settings| Box::pin(async move { app::build(Config::load(&settings)?).await }),
};
