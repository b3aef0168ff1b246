//! Geo finds the cell of a street: from a file of streets with configured cells, or from the street's hash. It stores
//! nothing.

pub mod api;
pub mod app;
pub mod config;
pub mod error;
pub mod model;
pub mod service;

use config::Config;
use contracts::ports;
use platform::server::service::Service;

pub static SERVICE: Service = Service {
    name: "geo",
    about: "Finds the cell of a street",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::GEO,
    admin_port: 9471,
    second_api: None,
    database: None,
    redis: false,
    rules: || vec![api::RULES],
    openapi: None,
    metrics: &[],
    calls: &[],
    decisions: &[],
    check: |settings| Config::load(settings).map(drop),
    build: |settings| Box::pin(async move { app::build(Config::load(&settings)?).await }),
};
