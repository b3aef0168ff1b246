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
    /// The shortest build time.
    #[serde(default = "build_min", deserialize_with = "platform::config::bounded::duration")]
    pub assembly_build_min: Duration,
    /// The longest build time.
    #[serde(default = "build_max", deserialize_with = "platform::config::bounded::duration")]
    pub assembly_build_max: Duration,
    /// The share of builds that fail, 0 to 1; above 0 it demonstrates compensation.
    #[serde(default)]
    pub assembly_failure_rate: f64,
}

fn build_min() -> Duration {
    Duration::from_secs(2)
}

fn build_max() -> Duration {
    Duration::from_secs(10)
}

impl Config {
    /// Reads and checks the environment variables. An error names the invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        if own.assembly_build_min > own.assembly_build_max {
            return Err(ConfigError::new("ASSEMBLY_BUILD_MIN", "is longer than ASSEMBLY_BUILD_MAX"));
        }
        if !(0.0..=1.0).contains(&own.assembly_failure_rate) {
            return Err(ConfigError::new("ASSEMBLY_FAILURE_RATE", "is not between 0 and 1"));
        }
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            own,
        })
    }
}
