//! Assembly builds the ship of each paid order, which takes a while, and tells when it is done or cannot be.

pub mod api;
pub mod app;
pub mod config;
pub mod error;
pub mod events;
pub mod model;
pub mod repository;
pub mod service;

use app::App;
use config::Config;
use platform::{cli::Service, config::Settings};
use tokio_util::sync::CancellationToken;

pub const SERVICE: Service = Service {
    name: "assembly",
    about: "Builds the ships of paid orders",
    version: env!("CARGO_PKG_VERSION"),
    admin_listen: ("ASSEMBLY_ADMIN_LISTEN", "127.0.0.1:9468"),
};

/// Runs the service until `stop`.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    App::build(Config::load(&settings)?).await?.run(stop).await
}
