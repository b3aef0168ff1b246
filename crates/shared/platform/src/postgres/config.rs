//! The variables of a service's database, `<NAME>_DATABASE_…`.

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::{ConfigError, Settings};

#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    pub url: SecretString,
    /// The maximum number of connections in the pool.
    pub connections: u32,
}

#[derive(Deserialize)]
struct DatabaseVariables {
    database_url: SecretString,
    database_connections: Option<u16>,
}

impl DatabaseConfig {
    /// Reads the variables that begin with `prefix`. `connections` is the default size of the pool.
    pub(crate) fn load(prefix: &str, connections: u32, settings: &Settings) -> Result<Self, ConfigError> {
        let given: DatabaseVariables = settings.read_prefixed(prefix)?;
        if given.database_connections == Some(0) {
            return Err(ConfigError::new(&format!("{}_DATABASE_CONNECTIONS", prefix.to_uppercase()), "is 0"));
        }
        Ok(Self { url: given.database_url, connections: given.database_connections.map_or(connections, u32::from) })
    }
}
