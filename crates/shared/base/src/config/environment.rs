//! The environment of a process. Secrets published in this repository, and defaults for trying the system out, are
//! accepted only in development.

use crate::config::{ConfigError, Host, Settings};

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

/// The variables that stand for one decision, as `NAME` (with any value) or `NAME=value`. In production one of them
/// must be set, since the decision's default is for trying the system out.
pub type Decision = &'static [&'static str];

/// Returns true in production. `cargo run` is production only if the variable says so.
pub fn is_production(settings: &Settings) -> Result<bool, ConfigError> {
    let is_tried = settings.host() == Host::SharedProcess && settings.get(VARIABLE).is_none();
    Ok(!is_tried && Environment::load(settings)? == Environment::Production)
}

/// Returns the decisions that [production](is_production) requires and that are not taken, such as `A or B=true`.
pub fn missing_decisions(
    settings: &Settings,
    required: impl IntoIterator<Item = Decision>,
) -> Result<Vec<String>, ConfigError> {
    if !is_production(settings)? {
        return Ok(Vec::new());
    }
    let is_set = |variable: &str| match variable.split_once('=') {
        Some((name, value)) => settings.get(name) == Some(value),
        None => settings.get(variable).is_some(),
    };
    let missing = required.into_iter().filter(|decision| !decision.iter().any(|variable| is_set(variable)));
    Ok(missing.map(|decision| decision.join(" or ")).collect())
}

/// Returns the same as [`published_secrets`]. Fails in production if there are any, or if a required decision is not
/// taken; the error names all of them.
pub fn admit(settings: &Settings, required: &[Decision]) -> Result<Vec<String>, ConfigError> {
    let published = published_secrets(settings);
    let missing = missing_decisions(settings, required.iter().copied())?;
    let is_development = Environment::load(settings)? == Environment::Development;
    if is_development || published.is_empty() && missing.is_empty() {
        return Ok(published);
    }
    let secrets = format!(", where alone the published {} may be used", published.join(", "));
    let set = format!("; set {}", missing.join(", and "));
    let secrets = if published.is_empty() { "" } else { &secrets };
    let set = if missing.is_empty() { "" } else { &set };
    Err(ConfigError::new(VARIABLE, format!("is not development{secrets}{set}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = include_str!("../../../../../deploy/compose/secrets/service_key.development");

    fn settings(environment: &str) -> Settings {
        Settings::from_variables([
            ("SERVICE_KEY", KEY.to_owned()),
            ("ORDER_DATABASE_URL", "postgres://order:development-only@127.0.0.1/order".to_owned()),
            ("OTHER_DATABASE_URL", "postgres://other:a-secret@127.0.0.1/other".to_owned()),
            ("KAFKA_SASL_PASSWORD", "development-only".to_owned()),
            (VARIABLE, environment.to_owned()),
        ])
    }

    #[test]
    fn published_secrets_are_refused_unless_the_environment_says_development() {
        let published = ["KAFKA_SASL_PASSWORD", "ORDER_DATABASE_URL", "SERVICE_KEY"];
        for environment in ["", "production"] {
            let refused = admit(&settings(environment), &[]).unwrap_err();

            assert_eq!(refused.variable, VARIABLE);
            assert!(published.iter().all(|name| refused.problem.contains(name)), "{refused}");
            assert!(
                !refused.to_string().contains("development-only") && !refused.to_string().contains("OTHER"),
                "{refused}"
            );
        }
        assert_eq!(admit(&settings("development"), &[]).unwrap(), published);
    }

    #[test]
    fn outside_of_development_all_missing_decisions_and_published_secrets_are_named_at_once() {
        let required: [Decision; 2] = [&["A_URL", "A_BUILT_IN=true"], &["B"]];
        let refused = |settings: &Settings| admit(settings, &required).unwrap_err().problem;
        let own = Settings::from_variables([("A_BUILT_IN", "false".to_owned())]);
        let tried = own.clone().for_shared_process();
        let with = |settings: &Settings, name, value: &str| settings.clone().with([(name, value.to_owned())]);

        assert_eq!(refused(&own), "is not development; set A_URL or A_BUILT_IN=true, and B");
        let published = with(&own, "SERVICE_KEY", PUBLISHED);
        let both = "is not development, where alone the published SERVICE_KEY may be used; set ";
        assert!(refused(&with(&published, VARIABLE, "production")).starts_with(both));
        assert!(refused(&with(&tried, VARIABLE, "production")).starts_with("is not development; set "));
        assert_eq!(refused(&with(&own, "A_BUILT_IN", "true")), "is not development; set B");
        let taken = with(&with(&own, "A_URL", "https://a"), "B", "0");
        for settings in [taken, with(&own, VARIABLE, "development"), tried] {
            assert_eq!(admit(&settings, &required).unwrap(), Vec::<String>::new());
        }
    }

    #[test]
    fn another_environment_is_an_error_that_names_the_variable() {
        assert_eq!(admit(&settings("staging"), &[]).unwrap_err().variable, VARIABLE);
    }
}
