//! Reads the configuration of a process: an optional file, the environment, and secrets from files and Vault.

pub(crate) mod files;
pub(crate) mod vault;

use std::{collections::HashMap, path::Path};

use base::config::is_secret;
pub use base::config::{ConfigError, Host, Settings, bounded, descriptions, environment, provider_url};

/// Reads every source, and the secrets that refer to Vault. A later source overrides an earlier one: the TOML file that
/// `SHIPYARD_CONFIG` names, `.env` in the working directory, the environment.
///
/// Fails if a file or secret cannot be read; the error names the file or the variable.
pub fn load() -> Result<Settings, ConfigError> {
    let mut values = read()?;
    vault::resolve(&mut values, is_secret)?;
    Ok(settings(&values))
}

/// Like [`load`] without Vault, for a process that needs no secret.
pub fn load_unresolved() -> Result<Settings, ConfigError> {
    Ok(settings(&read()?))
}

fn settings(values: &HashMap<String, String>) -> Settings {
    Settings::from_variables(values.iter().map(|(name, value)| (name.as_str(), value.clone())))
}

/// Returns the variables by their names in lower case.
fn read() -> Result<HashMap<String, String>, ConfigError> {
    let mut values = HashMap::new();
    if let Ok(path) = std::env::var("SHIPYARD_CONFIG") {
        values.extend(files::toml(Path::new(&path))?);
    }
    values.extend(files::env(Path::new(".env"))?);
    for (name, value) in std::env::vars_os() {
        if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
            values.insert(name.to_lowercase(), value);
        }
    }
    let secrets = files::secrets(&values, is_secret)?;
    values.extend(secrets);
    Ok(values)
}
