//! What can be configured.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use events::Topics;
use platform::{
    config::{ConfigError, Settings},
    kafka,
};
use secrecy::SecretString;
use serde::Deserialize;

use crate::{catalogue, model::NewPart};

#[derive(Clone, Debug)]
pub struct Config {
    pub own: Own,
    pub kafka: kafka::Config,
    pub topics: Topics,
    /// The parts that there are to be at least.
    pub catalogue: Vec<NewPart>,
}

/// The variables of this service alone.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    #[serde(default = "listen")]
    pub inventory_listen: SocketAddr,
    /// Metrics and health over HTTP.
    #[serde(default = "admin_listen")]
    pub inventory_admin_listen: Option<SocketAddr>,
    pub inventory_database_url: SecretString,
    #[serde(default = "connections")]
    pub inventory_database_connections: u32,
    /// Shared by all services; at least 32 bytes.
    pub service_key: SecretString,
    /// Where iam is.
    #[serde(default = "iam")]
    pub iam_address: String,
    /// A file like the crate's `catalogue.toml`, which is used where none is named.
    pub inventory_catalogue: Option<PathBuf>,
    /// How long parts are set aside for an order that does not come.
    #[serde(default = "reservation_ttl", with = "humantime_serde")]
    pub inventory_reservation_ttl: Duration,
    /// How long listeners stay open once the service is told to stop.
    #[serde(default, with = "humantime_serde")]
    pub shutdown_drain: Duration,
}

fn listen() -> SocketAddr {
    ([127, 0, 0, 1], 50051).into()
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn admin_listen() -> Option<SocketAddr> {
    Some(([127, 0, 0, 1], 9465).into())
}

fn connections() -> u32 {
    10
}

fn iam() -> String {
    "127.0.0.1:50053".to_owned()
}

fn reservation_ttl() -> Duration {
    Duration::from_mins(2)
}

impl Config {
    /// Reads and checks the variables; an error names the one that is wrong.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        if own.inventory_reservation_ttl.is_zero() {
            return Err(ConfigError::new("INVENTORY_RESERVATION_TTL", "is zero"));
        }
        let catalogue = read_catalogue(own.inventory_catalogue.as_deref())?;
        Ok(Self { own, kafka: settings.read()?, topics: settings.read()?, catalogue })
    }
}

fn read_catalogue(path: Option<&Path>) -> Result<Vec<NewPart>, ConfigError> {
    let wrong = |problem: String| ConfigError::new("INVENTORY_CATALOGUE", problem);
    let Some(path) = path else {
        return catalogue::parse(catalogue::DEFAULT).map_err(|error| wrong(error.to_string()));
    };
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("{name}: {error}")))?;
    catalogue::parse(&text).map_err(|error| wrong(format!("{name}: {error}")))
}
