//! What can be configured.

use std::{net::SocketAddr, time::Duration};

use events::Topics;
use platform::{
    config::{ConfigError, Settings},
    kafka,
};
use secrecy::SecretString;
use serde::Deserialize;

#[derive(Clone, Debug)]
pub struct Config {
    pub own: Own,
    pub kafka: kafka::Config,
    pub topics: Topics,
}

/// The variables of this service alone.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    #[serde(default = "listen")]
    pub assembly_listen: SocketAddr,
    /// Metrics and health over HTTP.
    #[serde(default = "admin_listen")]
    pub assembly_admin_listen: Option<SocketAddr>,
    pub assembly_database_url: SecretString,
    #[serde(default = "connections")]
    pub assembly_database_connections: u32,
    /// Shared by all services; at least 32 bytes.
    pub service_key: SecretString,
    /// Where iam is.
    #[serde(default = "iam")]
    pub iam_address: String,
    /// A ship takes at least this long.
    #[serde(default = "build_min", with = "humantime_serde")]
    pub assembly_build_min: Duration,
    /// And at most this long.
    #[serde(default = "build_max", with = "humantime_serde")]
    pub assembly_build_max: Duration,
    /// The share of ships that cannot be built, 0 to 1: a switch to see an order undone.
    #[serde(default)]
    pub assembly_failure_rate: f64,
    /// How long listeners stay open once the service is told to stop.
    #[serde(default, with = "humantime_serde")]
    pub shutdown_drain: Duration,
}

fn listen() -> SocketAddr {
    ([127, 0, 0, 1], 50054).into()
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn admin_listen() -> Option<SocketAddr> {
    Some(([127, 0, 0, 1], 9468).into())
}

fn connections() -> u32 {
    10
}

fn iam() -> String {
    "127.0.0.1:50053".to_owned()
}

fn build_min() -> Duration {
    Duration::from_secs(2)
}

fn build_max() -> Duration {
    Duration::from_secs(10)
}

impl Config {
    /// Reads and checks the variables; an error names the one that is wrong.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        if own.assembly_build_min > own.assembly_build_max {
            return Err(ConfigError::new("ASSEMBLY_BUILD_MIN", "is longer than ASSEMBLY_BUILD_MAX"));
        }
        if !(0.0..=1.0).contains(&own.assembly_failure_rate) {
            return Err(ConfigError::new("ASSEMBLY_FAILURE_RATE", "is not between 0 and 1"));
        }
        Ok(Self { own, kafka: settings.read()?, topics: settings.read()? })
    }
}
