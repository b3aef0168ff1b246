//! The values of the configuration: variables by name, read into structs. Errors name the variable. The caller reads
//! the sources, such as the environment and files.

pub mod bounded;
pub mod descriptions;
pub mod environment;
pub mod names;
pub mod provider_url;

use std::{collections::HashMap, fmt};

use serde::de::DeserializeOwned;

/// All variables that this process can read, by their names in lower case.
///
/// [`Settings::read`] reads the variables that a struct's fields name in lower case.
#[derive(Clone, Default)]
pub struct Settings {
    values: HashMap<String, String>,
    host: Host,
}

/// The process in which a service runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Host {
    #[default]
    OwnProcess,
    /// All services run in one process, with a single admin port and no replicas.
    SharedProcess,
}

impl Settings {
    /// Fails if a variable's name looks misspelt. Logs a warning for each other unknown one with the prefix of a
    /// service.
    pub fn check_names(&self) -> Result<(), ConfigError> {
        for warning in names::check(self.values.keys().map(String::as_str))? {
            tracing::warn!("{warning}");
        }
        Ok(())
    }

    /// Creates settings with only these variables.
    pub fn from_variables<'a>(variables: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        Self::default().with(variables)
    }

    /// Sets these variables, overriding existing values.
    #[must_use]
    pub fn with<'a>(mut self, variables: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        self.values.extend(variables.into_iter().map(|(name, value)| (name.to_lowercase(), value)));
        self
    }

    /// Sets a variable unless it has a value.
    #[must_use]
    pub fn or(self, variable: &str, value: &str) -> Self {
        if self.get(variable).is_some() { self } else { self.with([(variable, value.to_owned())]) }
    }

    #[must_use]
    pub fn for_shared_process(self) -> Self {
        Self { host: Host::SharedProcess, ..self }
    }

    pub fn host(&self) -> Host {
        self.host
    }

    /// Returns the variable's value. An empty variable counts as not set.
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.values.get(&variable.to_lowercase()).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the secrets that are set, by their names in lower case.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        let secrets = self.values.iter().filter(|(name, value)| is_secret(name) && !value.is_empty());
        secrets.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Reads the variables that the fields of `T` name. An error names the missing or invalid variable.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let mut builder = config::Config::builder();
        for (name, value) in &self.values {
            // The crate `config` would parse other names as paths. No variable has such a name.
            if value.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                continue;
            }
            builder = builder
                .set_override(name, value.as_str())
                .map_err(|error| ConfigError::new(&name.to_uppercase(), error))?;
        }
        let config = builder.build().map_err(|error| ConfigError::new("configuration", error))?;
        config.try_deserialize().map_err(|error| ConfigError::explain(&error, &self.values))
    }

    /// Reads the variables that begin with `prefix` and an underscore. The fields of `T` are the rest of their names.
    pub fn read_prefixed<T: DeserializeOwned>(&self, prefix: &str) -> Result<T, ConfigError> {
        let prefix = format!("{}_", prefix.to_lowercase());
        let own = self.values.iter().filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?, value.clone())));
        let section = Self::from_variables(own.collect::<Vec<_>>());
        section.read().map_err(|error| ConfigError {
            variable: format!("{}{}", prefix.to_uppercase(), error.variable),
            problem: error.problem,
        })
    }
}

/// The endings of secrets' names, for which `NAME_FILE` may name a file. They are specific, since an unreadable file is
/// an error, and other software sets variables such as `AWS_WEB_IDENTITY_TOKEN_FILE`.
const SECRETS: [&str; 14] = [
    "service_key",
    "service_key_previous",
    "_token_key",
    "_token_key_next",
    "receipt_key",
    "receipt_keys_old",
    "_database_url",
    "redis_url",
    "_cache_url",
    "_bot_token",
    "_provider_key",
    "webhook_secret",
    "_sasl_password",
    "vault_token",
];

/// Returns true for the name of a variable, in lower case, that holds a secret.
pub fn is_secret(name: &str) -> bool {
    SECRETS.iter().any(|ending| name.ends_with(ending))
}

/// Why the configuration is invalid. The text names the variable and never contains a secret's value.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct ConfigError {
    pub variable: String,
    pub problem: String,
}

impl ConfigError {
    pub fn new(variable: &str, problem: impl fmt::Display) -> Self {
        Self { variable: variable.to_owned(), problem: problem.to_string() }
    }

    /// Converts an error of the crate `config`, whose text alone names the variable: one of `values`, or a missing one.
    pub(crate) fn explain(error: &config::ConfigError, values: &HashMap<String, String>) -> Self {
        let text = error.to_string();
        let quoted = text.split(['`', '"']).map(str::to_lowercase);
        let known = quoted.clone().find(|word| values.contains_key(word));
        let missing = text.starts_with("missing").then(|| quoted.clone().nth(1)).flatten();
        let variable = known.clone().or(missing.clone()).unwrap_or_else(|| "configuration".to_owned()).to_uppercase();
        if missing.is_some() {
            return Self::new(&variable, "is not set and has no default");
        }
        let cause = match error {
            config::ConfigError::At { error, .. } => error.to_string(),
            _ => text,
        };
        Self::new(&variable, cause)
    }
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, time::Duration};

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "it is only read")]
    struct Example {
        example_listen: SocketAddr,
        #[serde(deserialize_with = "bounded::duration")]
        example_wait: Duration,
        #[serde(deserialize_with = "bounded::count")]
        example_count: usize,
    }

    #[test]
    fn a_missing_and_a_wrong_variable_are_named() {
        let right = [("EXAMPLE_LISTEN", "127.0.0.1:80"), ("EXAMPLE_WAIT", "1s"), ("EXAMPLE_COUNT", "7")]
            .map(|(name, value)| (name, value.to_owned()));
        assert!(Settings::from_variables(right.clone()).read::<Example>().is_ok());
        let missing = Settings::from_variables(right[1..].to_vec()).read::<Example>().unwrap_err();
        assert_eq!(missing.to_string(), "EXAMPLE_LISTEN: is not set and has no default");

        for (name, value) in [
            ("EXAMPLE_LISTEN", "nowhere"),
            ("EXAMPLE_WAIT", "soon"),
            ("EXAMPLE_WAIT", "18446744073709551615s"),
            ("EXAMPLE_COUNT", "many"),
            ("EXAMPLE_COUNT", "0"),
            ("EXAMPLE_COUNT", "18446744073709551615"),
        ] {
            let settings = Settings::from_variables(right.clone()).with([(name, value.to_owned())]);

            let error = settings.read::<Example>().unwrap_err();

            assert_eq!(error.variable, name, "{error}");
        }
    }
}
