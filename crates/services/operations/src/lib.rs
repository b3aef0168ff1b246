//! The service operations: operators' views of all services and actions on them, and the receipt of an order. The
//! library under it reads and repairs a running system for the operators' commands, too.

pub mod action_chain;
pub mod api;
pub mod app;
pub mod audit_run;
pub mod backlogs;
pub mod config;
pub mod databases;
pub mod dead_letter_queue;
pub mod dead_letters;
pub mod error;
pub mod facts;
pub mod import_journal;
pub mod jobs;
mod metrics;
pub mod model;
mod readers;
pub mod receipts;
pub mod registry;
pub mod repository;
pub mod republish_lost_events;
pub mod restock;
pub mod service;
pub mod service_states;
pub mod session_probe;

use config::Config;
use contracts::ports;
use platform::server::service::{Call, OwnDatabase, Service};

pub static SERVICE: Service = Service {
    name: "operations",
    about: "Shows operators all services and what went wrong, acts for them, and checks single orders",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::OPERATIONS,
    admin_port: 9475,
    second_api: None,
    database: Some(OwnDatabase { connections: 6, migrations: &repository::MIGRATIONS }),
    redis: false,
    rules: || vec![api::RULES],
    openapi: None,
    metrics: metrics::METRICS,
    calls: &[
        Call::when_requested("iam"),
        // An audit tests sessions at these services, but only after the response to the request that began the audit.
        Call::in_background("inventory"),
        Call::in_background("order"),
    ],
    decisions: &[],
    check: |settings| Config::load(settings).map(drop),
    build: |settings| Box::pin(async move { app::build(Config::load(&settings)?).await }),
};
