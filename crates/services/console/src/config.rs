//! The service's configuration.

use contracts::{events::Messaging, identity, ports};
use platform::{
    config::{ConfigError, Settings},
    server,
};
use serde::Deserialize;

use crate::SERVICE;

#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::Config,
    pub identity: identity::Config,
    pub messaging: Messaging,
    pub own: Own,
}

/// The environment variables that only this service reads, and the addresses of the services that it calls.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    #[serde(default = "inventory")]
    pub inventory_address: String,
    /// The address of order's HTTP API.
    #[serde(default = "order")]
    pub order_http_address: String,
    #[serde(default = "payment")]
    pub payment_address: String,
    #[serde(default = "customers")]
    pub customers_address: String,
    #[serde(default = "delivery")]
    pub delivery_address: String,
    #[serde(default = "geo")]
    pub geo_address: String,
    #[serde(default = "notification")]
    pub notification_address: String,
    #[serde(default = "intake")]
    pub intake_address: String,
    /// The maximum number of open event streams. Above it, a user with few streams gets a slot of the user who has the
    /// most; other new streams are refused with 503.
    #[serde(default = "streams", deserialize_with = "platform::config::bounded::count")]
    pub console_streams: usize,
    /// The maximum number of concurrent HTTP requests without open streams. Further requests are refused with 429.
    #[serde(default = "max_in_flight", deserialize_with = "platform::config::bounded::count")]
    pub console_max_in_flight: usize,
    /// The address of Jaeger's web page, to which trace ids link. Without this address, trace ids are plain text.
    pub console_jaeger_url: Option<String>,
}

fn inventory() -> String {
    ports::local(ports::INVENTORY)
}

fn order() -> String {
    ports::local(ports::ORDER)
}

fn payment() -> String {
    ports::local(ports::PAYMENT)
}

fn customers() -> String {
    ports::local(ports::CUSTOMERS)
}

fn delivery() -> String {
    ports::local(ports::DELIVERY)
}

fn geo() -> String {
    ports::local(ports::GEO)
}

fn notification() -> String {
    ports::local(ports::NOTIFICATION)
}

fn intake() -> String {
    ports::local(ports::INTAKE)
}

fn streams() -> usize {
    1000
}

fn max_in_flight() -> usize {
    256
}

impl Config {
    /// Reads and checks the environment variables. An error names the invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            own,
        })
    }
}
