//! The error of an invalid configuration.

use std::{collections::HashMap, fmt};

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
