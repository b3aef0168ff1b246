//! The service's configuration.

use std::time::Duration;

use contracts::{events::Messaging, identity, ports};
use platform::{
    config::{ConfigError, Settings},
    server,
};
use secrecy::SecretString;
use serde::Deserialize;

use crate::{SERVICE, service::MAX_UNPAID};

#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::Config,
    pub identity: identity::Config,
    pub messaging: Messaging,
    pub own: Own,
}

/// The variables of this service alone.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    /// inventory's address, `host:port`.
    #[serde(default = "inventory")]
    pub inventory_address: String,
    /// payment's address, `host:port`.
    #[serde(default = "payment")]
    pub payment_address: String,
    /// delivery's address, `host:port`.
    #[serde(default = "delivery")]
    pub delivery_address: String,
    /// The maximum number of parts of an order that is delivered, repeats counted: the capacity of a courier.
    #[serde(default = "delivery_max_volume")]
    pub order_delivery_max_volume: usize,
    /// An order that is not paid after this long is cancelled.
    #[serde(default = "payment_deadline", with = "humantime_serde")]
    pub order_payment_deadline: Duration,
    /// Unpaid orders that one user may have; one more is refused with 429.
    #[serde(default = "max_unpaid")]
    pub order_max_unpaid: u32,
    /// A Redis that caches the answers of the payment and delivery services about an order. Without it, each request calls these services.
    pub order_status_cache_url: Option<SecretString>,
    /// Requests worked on at once; one more is refused with 429. One user has a quarter of them at most. Creating and paying orders take three eighths of them each at most, tracking deliveries
    /// one eighth.
    #[serde(default = "max_in_flight")]
    pub order_max_in_flight: usize,
}

fn inventory() -> String {
    ports::local(ports::INVENTORY)
}

fn payment() -> String {
    ports::local(ports::PAYMENT)
}

fn delivery() -> String {
    ports::local(ports::DELIVERY)
}

fn delivery_max_volume() -> usize {
    100
}

fn payment_deadline() -> Duration {
    Duration::from_mins(15)
}

fn max_unpaid() -> u32 {
    MAX_UNPAID
}

fn max_in_flight() -> usize {
    512
}

impl Config {
    /// Reads and checks the variables; an error names the wrong one.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            own: settings.read()?,
        })
    }
}
