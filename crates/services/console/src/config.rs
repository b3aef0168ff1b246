//! The service's configuration.

use contracts::{events::Messaging, identity, ports};
use platform::{
    config::{ConfigError, Settings},
    server,
};
use serde::Deserialize;

use crate::{SERVICE, receipt_keys::ReceiptKeys};

#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::Config,
    pub identity: identity::Config,
    pub messaging: Messaging,
    pub own: Own,
    pub receipt_keys: ReceiptKeys,
}

/// The environment variables that only this service reads, and the addresses of the services that it calls.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Own {
    pub inventory_address: String,
    /// The address of order's HTTP API.
    pub order_http_address: String,
    pub payment_address: String,
    pub customers_address: String,
    pub delivery_address: String,
    pub geo_address: String,
    pub notification_address: String,
    pub intake_address: String,
    pub operations_address: String,
    /// The maximum number of open event streams. Above it, a user with few streams gets a slot of the user who has the
    /// most; other new streams are refused with 503.
    #[serde(deserialize_with = "platform::config::bounded::count")]
    pub console_streams: usize,
    /// The maximum number of concurrent HTTP requests, not counting open streams. Further requests are refused with
    /// 429.
    #[serde(deserialize_with = "platform::config::bounded::count")]
    pub console_max_in_flight: usize,
    /// The address of Jaeger's web page, to which trace ids link. Without this address, trace ids are plain text.
    pub console_jaeger_url: Option<String>,
    /// The origin of the panel that the page of an order embeds. Only `lab playground` sets it.
    pub playground_url: Option<String>,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            inventory_address: ports::local(ports::INVENTORY),
            order_http_address: ports::local(ports::ORDER),
            payment_address: ports::local(ports::PAYMENT),
            customers_address: ports::local(ports::CUSTOMERS),
            delivery_address: ports::local(ports::DELIVERY),
            geo_address: ports::local(ports::GEO),
            notification_address: ports::local(ports::NOTIFICATION),
            intake_address: ports::local(ports::INTAKE),
            operations_address: ports::local(ports::OPERATIONS),
            console_streams: 1000,
            console_max_in_flight: 256,
            console_jaeger_url: None,
            playground_url: None,
        }
    }
}

impl Config {
    /// Reads and checks the environment variables. An error names the invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        let is_on_loopback =
            |url: &str| url.strip_prefix("http://127.0.0.1:").is_some_and(|port| port.parse::<u16>().is_ok());
        if own.playground_url.as_deref().is_some_and(|url| !is_on_loopback(url)) {
            return Err(ConfigError::new("PLAYGROUND_URL", "is not http://127.0.0.1:PORT"));
        }
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            receipt_keys: ReceiptKeys::load(settings)?,
            own,
        })
    }
}
