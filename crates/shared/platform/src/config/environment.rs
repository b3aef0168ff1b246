//! The environment of a process. Secrets published in this repository are accepted only in development.

use crate::config::{ConfigError, Settings};

/// The variable with the environment: `development` or `production`. If it is not set, the environment is production.
pub const VARIABLE: &str = "SHIPYARD_ENVIRONMENT";
/// The text in every published secret: the key in deploy/compose/secrets and the passwords in deploy/compose.
const PUBLISHED: &str = "development-only";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine. Published secrets are accepted with a warning.
    Development,
    #[default]
    Production,
}

impl Environment {
    /// Reads the environment. Fails if the variable has another value.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        match settings.get(VARIABLE) {
            None | Some("production") => Ok(Self::Production),
            Some("development") => Ok(Self::Development),
            Some(_) => Err(ConfigError::new(VARIABLE, "is neither development nor production")),
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

/// Returns the names of variables that hold a published secret, sorted.
pub fn published_secrets(settings: &Settings) -> Vec<String> {
    let mut published: Vec<String> = settings
        .secrets()
        .filter(|(_, value)| value.contains(PUBLISHED))
        .map(|(variable, _)| variable.to_uppercase())
        .collect();
    published.sort_unstable();
    published
}

/// Returns the same as [`published_secrets`]. Fails in production if there are any.
pub fn admit_published_secrets(settings: &Settings) -> Result<Vec<String>, ConfigError> {
    let published = published_secrets(settings);
    match Environment::load(settings)? {
        Environment::Production if !published.is_empty() => {
            let secrets = published.join(", ");
            Err(ConfigError::new(
                VARIABLE,
                format!("is not development, where alone the published {secrets} may be used"),
            ))
        }
        _ => Ok(published),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = include_str!("../../../../../deploy/compose/secrets/service_key.development");

    fn settings(environment: &str) -> Settings {
        Settings::from_variables([
            ("SERVICE_KEY", KEY.to_owned()),
            ("ORDER_DATABASE_URL", "postgres://order:development-only@127.0.0.1/order".to_owned()),
            ("IAM_DATABASE_URL", "postgres://iam:a-secret@127.0.0.1/iam".to_owned()),
            ("KAFKA_SASL_PASSWORD", "development-only".to_owned()),
            (VARIABLE, environment.to_owned()),
        ])
    }

    #[test]
    fn published_secrets_are_refused_unless_the_environment_says_development() {
        let published = ["KAFKA_SASL_PASSWORD", "ORDER_DATABASE_URL", "SERVICE_KEY"];
        for environment in ["", "production"] {
            let refused = admit_published_secrets(&settings(environment)).unwrap_err();

            assert_eq!(refused.variable, VARIABLE);
            assert!(published.iter().all(|name| refused.problem.contains(name)), "{refused}");
            assert!(
                !refused.to_string().contains("development-only") && !refused.to_string().contains("IAM"),
                "{refused}"
            );
        }
        assert_eq!(admit_published_secrets(&settings("development")).unwrap(), published);
    }

    #[test]
    fn secrets_of_ones_own_work_everywhere() {
        for environment in ["", "development", "production"] {
            let own = Settings::from_variables([("SERVICE_KEY", "k".repeat(32)), (VARIABLE, environment.to_owned())]);

            assert!(admit_published_secrets(&own).unwrap().is_empty(), "{environment}");
        }
    }

    #[test]
    fn another_environment_is_an_error_that_names_the_variable() {
        assert_eq!(admit_published_secrets(&settings("staging")).unwrap_err().variable, VARIABLE);
    }
}
