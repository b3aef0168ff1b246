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
    pub order_listen: SocketAddr,
    /// Metrics and health over HTTP.
    #[serde(default = "admin_listen")]
    pub order_admin_listen: Option<SocketAddr>,
    pub order_database_url: SecretString,
    #[serde(default = "connections")]
    pub order_database_connections: u32,
    /// Shared by all services; at least 32 bytes.
    pub service_key: SecretString,
    /// Where iam is.
    #[serde(default = "iam")]
    pub iam_address: String,
    /// Where inventory is.
    #[serde(default = "inventory")]
    pub inventory_address: String,
    /// Where payment is.
    #[serde(default = "payment")]
    pub payment_address: String,
    /// An order that is not paid after this long is cancelled.
    #[serde(default = "payment_deadline", with = "humantime_serde")]
    pub order_payment_deadline: Duration,
    /// Requests worked on at once; one more is told to come back later. Creating and paying orders take three eighths of them each at most.
    #[serde(default = "max_in_flight")]
    pub order_max_in_flight: usize,
    /// How long listeners stay open once the service is told to stop.
    #[serde(default, with = "humantime_serde")]
    pub shutdown_drain: Duration,
}

fn listen() -> SocketAddr {
    ([127, 0, 0, 1], 8080).into()
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn admin_listen() -> Option<SocketAddr> {
    Some(([127, 0, 0, 1], 9466).into())
}

fn connections() -> u32 {
    20
}

fn iam() -> String {
    "127.0.0.1:50053".to_owned()
}

fn inventory() -> String {
    "127.0.0.1:50051".to_owned()
}

fn payment() -> String {
    "127.0.0.1:50052".to_owned()
}

fn payment_deadline() -> Duration {
    Duration::from_mins(15)
}

fn max_in_flight() -> usize {
    512
}

impl Config {
    /// Reads and checks the variables; an error names the one that is wrong.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        Ok(Self { own, kafka: settings.read()?, topics: settings.read()? })
    }
}
