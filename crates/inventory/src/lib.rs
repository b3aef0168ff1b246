//! Inventory knows the parts and how many there are, and sets them aside for orders so that none is sold twice.

pub mod api;
pub mod app;
pub mod catalogue;
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
    name: "inventory",
    about: "Knows the parts, and sets them aside for orders",
    version: env!("CARGO_PKG_VERSION"),
    admin_listen: ("INVENTORY_ADMIN_LISTEN", "127.0.0.1:9465"),
};

/// Runs the service until `stop`.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    App::build(Config::load(&settings)?).await?.run(stop).await
}
