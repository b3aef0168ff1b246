//! The service's configuration.

use std::path::{Path, PathBuf};

use platform::{
    config::{ConfigError, Settings},
    server,
};
use serde::Deserialize;

use crate::{
    SERVICE,
    model::{Streets, parse_streets},
};

const STREETS: &str = "GEO_STREETS";

#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::Config,
    /// Streets with configured cells.
    pub streets: Streets,
}

/// The environment variables that only this service reads.
#[derive(Deserialize)]
struct Own {
    /// Path of a file with lines such as `"Main Street" = [2, 1]`; default: no cells are configured.
    geo_streets: Option<PathBuf>,
}

impl Config {
    /// Reads and checks the environment variables. An error names the invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        let streets = own.geo_streets.as_deref().map(read_streets).transpose()?;
        Ok(Self { server: server::Config::load(&SERVICE, settings)?, streets: streets.unwrap_or_default() })
    }
}

fn read_streets(path: &Path) -> Result<Streets, ConfigError> {
    let wrong = |problem: String| ConfigError::new(STREETS, format!("{}: {problem}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    parse_streets(&text).map_err(|error| wrong(error.to_string()))
}
