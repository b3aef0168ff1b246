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

use crate::{
    SERVICE, catalogue,
    model::{MaxShare, NewPart},
};

#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::Config,
    pub identity: identity::Config,
    pub messaging: Messaging,
    /// The address of order's gRPC API, `host:port`.
    pub order_address: String,
    /// An unconfirmed reservation is due after this time: it expires then if its order does not exist.
    pub reservation_ttl: Duration,
    pub reservation_max_share: MaxShare,
    /// The parts to seed the catalogue with.
    pub catalogue: Vec<NewPart>,
}

/// The variables that only this service has.
#[derive(Deserialize)]
struct Own {
    #[serde(default = "order")]
    order_address: String,
    /// The path of a catalogue file. Without it, the built-in `catalogue.toml` is used.
    inventory_catalogue: Option<PathBuf>,
    #[serde(default = "reservation_ttl", deserialize_with = "platform::config::bounded::duration")]
    inventory_reservation_ttl: Duration,
    /// The share of a part's unsold units that one user's unpaid orders may hold; 0 turns the bound off.
    #[serde(default = "reservation_max_share")]
    inventory_reservation_max_share: f64,
}

fn order() -> String {
    ports::local(ports::ORDER_GRPC)
}

fn reservation_ttl() -> Duration {
    Duration::from_mins(2)
}

fn reservation_max_share() -> f64 {
    0.25
}

impl Config {
    /// Reads and validates the variables. An error names the invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        if own.inventory_reservation_ttl.is_zero() {
            return Err(ConfigError::new("INVENTORY_RESERVATION_TTL", "is zero"));
        }
        let reservation_max_share = MaxShare::new(own.inventory_reservation_max_share)
            .ok_or_else(|| ConfigError::new("INVENTORY_RESERVATION_MAX_SHARE", "is not from 0 to 1"))?;
        let catalogue = read_catalogue(own.inventory_catalogue.as_deref())?;
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            order_address: own.order_address,
            reservation_ttl: own.inventory_reservation_ttl,
            reservation_max_share,
            catalogue,
        })
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
