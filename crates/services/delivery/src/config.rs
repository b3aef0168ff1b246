//! The service's configuration.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use contracts::{events::Messaging, identity, ports};
use platform::{
    config::{ConfigError, Settings},
    server,
};
use serde::Deserialize;

use crate::{SERVICE, first_couriers, model::NewCourier};

#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::Config,
    pub identity: identity::Config,
    pub messaging: Messaging,
    pub couriers: Vec<NewCourier>,
    pub own: Own,
}

/// The environment variables that only this service reads.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    /// The address of order's gRPC API, `host:port`.
    #[serde(default = "order")]
    pub order_address: String,
    /// The address of geo, `host:port`; it may be an outside service.
    #[serde(default = "geo")]
    pub geo_address: String,
    /// The period of assigning waiting orders. They are also assigned at once when an order or a courier becomes
    /// available in this replica.
    #[serde(default = "one_second", deserialize_with = "platform::config::bounded::duration")]
    pub delivery_assign_every: Duration,
    /// The time between two steps of a courier.
    #[serde(default = "one_second", deserialize_with = "platform::config::bounded::duration")]
    pub delivery_move_every: Duration,
    /// Path of a file of the first couriers; default: the built-in `couriers.toml`.
    pub delivery_couriers: Option<PathBuf>,
    /// True serves the HTTP API without authentication.
    #[serde(default)]
    pub delivery_open: bool,
}

fn order() -> String {
    ports::local(ports::ORDER_GRPC)
}

fn geo() -> String {
    ports::local(ports::GEO)
}

fn one_second() -> Duration {
    Duration::from_secs(1)
}

/// The maximum time between two rounds of assigning or moving.
const MAX_INTERVAL: Duration = Duration::from_hours(7 * 24);

impl Config {
    /// Reads and checks the environment variables. An error names the invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        for (variable, period) in
            [("DELIVERY_ASSIGN_EVERY", own.delivery_assign_every), ("DELIVERY_MOVE_EVERY", own.delivery_move_every)]
        {
            if !(Duration::from_millis(1)..=MAX_INTERVAL).contains(&period) {
                return Err(ConfigError::new(variable, "is not between a millisecond and a week"));
            }
        }
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            couriers: read_couriers(own.delivery_couriers.as_deref())?,
            own,
        })
    }
}

fn read_couriers(path: Option<&Path>) -> Result<Vec<NewCourier>, ConfigError> {
    let wrong = |problem: String| ConfigError::new("DELIVERY_COURIERS", problem);
    let Some(path) = path else { return first_couriers::parse(first_couriers::DEFAULT).map_err(wrong) };
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("{name}: {error}")))?;
    first_couriers::parse(&text).map_err(|problem| wrong(format!("{name}: {problem}")))
}
