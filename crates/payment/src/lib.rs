//! Payment charges each order of the shop at most once, whatever is repeated, raced or killed, and gives back what a cancelled one was charged.

pub mod api;
pub mod app;
pub mod client;
pub mod config;
pub mod error;
pub mod model;
pub mod repository;
pub mod service;

use app::App;
use config::Config;
use platform::{cli::Service, config::Settings};
use tokio_util::sync::CancellationToken;

pub const SERVICE: Service = Service {
    name: "payment",
    about: "Charges orders and gives back what cancelled ones were charged",
    version: env!("CARGO_PKG_VERSION"),
    admin_listen: ("PAYMENT_ADMIN_LISTEN", "127.0.0.1:9467"),
};

/// Runs the service until `stop`.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    App::build(Config::load(&settings)?).await?.run(stop).await
}
