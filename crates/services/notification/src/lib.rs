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

use app::App;
use config::Config;
use contracts::ports;
use platform::server::service::{Built, Call, OwnDatabase, Service};

pub static SERVICE: Service = Service {
    name: "notification",
    about: "Notifies users of what happened to their orders",
    version: env!("CARGO_PKG_VERSION"),
    port: ports::NOTIFICATION,
    admin_port: 9469,
    second_api: None,
    database: Some(OwnDatabase { connections: 10, migrations: &repository::MIGRATIONS }),
    rules: &[api::RULES],
    openapi: None,
    metrics: metrics::METRICS,
    calls: &[Call::when_requested("iam")],
    check: |settings| Config::load(settings).map(drop),
    build: |settings| {
        Box::pin(async move {
            let app = App::build(Config::load(&settings)?).await?;
            let (readiness, admin) = (app.server().readiness(), app.server().own_admin());
            Ok(Built::new(readiness, |stop| app.run(stop)).with_admin(admin))
        })
    },
};
