//! Notification tells users what happened to their orders, each thing once, through Telegram.

pub mod api;
pub mod app;
pub mod client;
pub mod config;
pub mod error;
mod metrics;
pub mod model;
pub mod repository;
pub mod service;

use app::App;
use config::Config;
use platform::{cli::Service, config::Settings};
use tokio_util::sync::CancellationToken;

pub const SERVICE: Service = Service {
    name: "notification",
    about: "Tells users what happened to their orders",
    version: env!("CARGO_PKG_VERSION"),
    admin_listen: ("NOTIFICATION_ADMIN_LISTEN", "127.0.0.1:9469"),
};

/// Runs the service until `stop`.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    App::build(Config::load(&settings)?).await?.run(stop).await
}
