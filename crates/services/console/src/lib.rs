//! The console service: the shop in a browser, each order's timeline and signed receipt, and the operators' pages.

pub mod api;
pub mod app;
pub mod client;
pub mod config;
pub mod consumers;
pub mod error;
pub mod jobs;
mod metrics;
pub mod model;
mod pages;
pub mod receipt_keys;
pub mod repository;
pub mod service;

use config::Config;
use contracts::ports;
use platform::server::service::{Call, OwnDatabase, Service};

pub static SERVICE: Service = Service {
    name: "console",
    about: "Shows the shop in a browser, and each order's timeline and receipt",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::CONSOLE,
    admin_port: 9474,
    second_api: None,
    database: Some(OwnDatabase { connections: 10, migrations: &repository::MIGRATIONS }),
    redis: false,
    rules: || vec![&api::RULES],
    openapi: Some(api::document),
    metrics: metrics::METRICS,
    calls: &[
        Call::when_requested("iam"),
        Call::when_requested("inventory"),
        Call::when_requested("order"),
        Call::when_requested("payment"),
        Call::when_requested("customers"),
        Call::when_requested("delivery"),
        Call::when_requested("geo"),
        Call::when_requested("notification"),
        Call::when_requested("intake"),
        Call::when_requested("operations"),
    ],
    decisions: &[],
    check: |settings| Config::load(settings).map(drop),
    build: |settings| Box::pin(async move { app::build(Config::load(&settings)?).await }),
};
