//! Order takes orders over HTTP, has their parts reserved and their price paid, and follows them until the ship is built or the
//! order is undone.

pub mod api;
pub mod app;
pub mod client;
pub mod config;
pub mod error;
pub mod events;
mod metrics;
pub mod model;
pub mod repository;
pub mod service;

use app::App;
use config::Config;
use platform::{cli::Service, config::Settings};
use tokio_util::sync::CancellationToken;

pub const SERVICE: Service = Service {
    name: "order",
    about: "Takes orders over HTTP and follows them until the ship is built",
    version: env!("CARGO_PKG_VERSION"),
    admin_listen: ("ORDER_ADMIN_LISTEN", "127.0.0.1:9466"),
};

/// Runs the service until `stop`.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    App::build(Config::load(&settings)?).await?.run(stop).await
}
