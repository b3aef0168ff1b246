//! The service's configuration.

use std::time::Duration;

use contracts::{events::Messaging, identity};
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

/// The environment variables that only this service reads.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    /// True serves the API without authentication.
    #[serde(default)]
    pub intake_open: bool,
    /// The maximum number of orders in the cache.
    #[serde(default = "capacity")]
    pub intake_cache_capacity: u32,
    /// The lifetime of an order in the cache.
    #[serde(default = "one_day", deserialize_with = "platform::config::bounded::duration")]
    pub intake_cache_ttl: Duration,
    /// A stored order is erased at this age. By default, orders are never erased by age.
    #[serde(default, deserialize_with = "platform::config::bounded::optional_duration")]
    pub intake_retention: Option<Duration>,
    /// The maximum number of concurrent HTTP requests, of which placing, erasing and looking up orders have shares.
    /// Further requests are rejected with 429.
    #[serde(default = "max_in_flight", deserialize_with = "platform::config::bounded::count")]
    pub intake_max_in_flight: usize,
}

/// The maximum of `INTAKE_CACHE_CAPACITY`: this many orders take about 4 GiB.
const MAX_CACHE_CAPACITY: u32 = 1_000_000;
/// The maximum of `INTAKE_CACHE_TTL`: a year, which the cache can count.
const MAX_CACHE_TTL: Duration = Duration::from_hours(24 * 365);

fn capacity() -> u32 {
    10_000
}

fn one_day() -> Duration {
    Duration::from_hours(24)
}

fn max_in_flight() -> usize {
    512
}

impl Own {
    /// Returns the approximate maximum size of the cache: 4 KiB per order, and at least enough for the largest order.
    pub fn cache_bytes(&self) -> u32 {
        self.intake_cache_capacity.saturating_mul(4 << 10).max(8 << 20)
    }
}

impl Config {
    /// Reads and checks the environment variables. An error names the invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        if !(1..=MAX_CACHE_CAPACITY).contains(&own.intake_cache_capacity) {
            return Err(ConfigError::new(
                "INTAKE_CACHE_CAPACITY",
                format!("is not between 1 and {MAX_CACHE_CAPACITY}"),
            ));
        }
        if !(Duration::from_secs(1)..=MAX_CACHE_TTL).contains(&own.intake_cache_ttl) {
            return Err(ConfigError::new("INTAKE_CACHE_TTL", "is not between a second and a year"));
        }
        if own.intake_retention.is_some_and(|age| age < Duration::from_secs(1)) {
            return Err(ConfigError::new("INTAKE_RETENTION", "is shorter than a second"));
        }
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            own,
        })
    }
}
