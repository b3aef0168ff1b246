//! Iam knows the users: it registers them, checks their passwords, and says whose a session is until it ends.

pub mod api;
pub mod app;
pub mod config;
pub mod error;
pub mod hashing;
mod metrics;
pub mod model;
pub mod repository;
pub mod service;
pub mod sessions;

use app::App;
use config::Config;
use platform::{cli::Service, config::Settings};
use tokio_util::sync::CancellationToken;

pub const SERVICE: Service = Service {
    name: "iam",
    about: "Registers users, checks passwords and keeps sessions",
    version: env!("CARGO_PKG_VERSION"),
    admin_listen: ("IAM_ADMIN_LISTEN", "127.0.0.1:9464"),
};

/// Runs the service until `stop`.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    App::build(Config::load(&settings)?).await?.run(stop).await
}
