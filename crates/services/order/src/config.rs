//! The service's configuration.

use std::time::Duration;

use contracts::{events::Messaging, identity, ports};
use platform::{
    config::{ConfigError, Settings},
    server,
};
use secrecy::SecretString;
use serde::Deserialize;

use crate::SERVICE;

#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::Config,
    pub identity: identity::Config,
    pub messaging: Messaging,
    pub own: Own,
}

/// The variables that only this service has.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    /// The address of the inventory service, `host:port`.
    #[serde(default = "inventory")]
    pub inventory_address: String,
    /// The address of the payment service, `host:port`.
    #[serde(default = "payment")]
    pub payment_address: String,
    /// The address of the delivery service, `host:port`.
    #[serde(default = "delivery")]
    pub delivery_address: String,
    /// The maximum number of parts of an order that is delivered, including repeated parts. It is the capacity of a
    /// courier.
    #[serde(default = "delivery_max_volume")]
    pub order_delivery_max_volume: usize,
    /// An unpaid order is cancelled after this duration.
    #[serde(default = "payment_deadline", deserialize_with = "platform::config::bounded::duration")]
    pub order_payment_deadline: Duration,
    /// What a user wrote in an order, such as the delivery address, is removed this long after the order has ended.
    #[serde(default = "address_retention", deserialize_with = "platform::config::bounded::duration")]
    pub order_address_retention: Duration,
    /// The maximum number of orders of 24 hours that one user never paid. Any further order is refused with 429.
    #[serde(default = "max_unpaid")]
    pub order_max_unpaid: u32,
    /// The URL of a Redis server that caches the responses of the payment and delivery services about an order. Without
    /// it, each request calls these services.
    pub order_status_cache_url: Option<SecretString>,
    /// The maximum number of concurrent requests. Further ones are rejected with 429. One user may have a quarter of
    /// them. Requests that create orders may take three eighths, requests about payments three eighths, and requests
    /// that track deliveries one eighth.
    #[serde(default = "max_in_flight", deserialize_with = "platform::config::bounded::count")]
    pub order_max_in_flight: usize,
    /// The address of the console's pages, to which a browser that opens the address of the API is redirected.
    #[serde(default = "console")]
    pub order_console_url: String,
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

pub(crate) fn delivery_max_volume() -> usize {
    100
}

fn payment_deadline() -> Duration {
    Duration::from_mins(15)
}

fn address_retention() -> Duration {
    Duration::from_hours(90 * 24)
}

pub(crate) fn max_unpaid() -> u32 {
    1000
}

fn max_in_flight() -> usize {
    512
}

fn console() -> String {
    format!("http://{}/console/", ports::local(ports::CONSOLE))
}

impl Config {
    /// Reads and validates the variables. An error names the invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        if own.order_max_unpaid == 0 {
            return Err(ConfigError::new("ORDER_MAX_UNPAID", "is 0; nothing could be ordered"));
        }
        if own.order_payment_deadline.is_zero() {
            return Err(ConfigError::new("ORDER_PAYMENT_DEADLINE", "is 0; no order could be paid"));
        }
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            own,
        })
    }
}
