//! The service's configuration.

use std::time::Duration;

use contracts::{events::Messaging, identity, ports};
use platform::{
    config::{ConfigError, Settings, environment::Environment, provider_url},
    server,
};
use serde::Deserialize;

use crate::SERVICE;

#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::Config,
    pub identity: identity::Config,
    pub messaging: Messaging,
    /// The URL of the checker of identities; `None` selects the built-in one.
    pub kyc_provider: Option<reqwest::Url>,
    pub own: Own,
}

/// The environment variables that only this service reads.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    /// The address of payment, `host:port`.
    #[serde(default = "payment")]
    pub payment_address: String,
    /// The names that the built-in checker declines, separated by commas.
    #[serde(default)]
    pub kyc_decline_names: String,
    /// URL of a program that checks identities; default: the built-in checker.
    pub kyc_provider_url: Option<String>,
    /// True allows the built-in checker, which has no records of persons, in production.
    #[serde(default)]
    pub kyc_built_in: bool,
    /// The maximum time for which a loan is held for a user who is not a customer.
    #[serde(default = "one_day", deserialize_with = "platform::config::bounded::duration")]
    pub loan_hold: Duration,
}

fn payment() -> String {
    ports::local(ports::PAYMENT)
}

fn one_day() -> Duration {
    Duration::from_hours(24)
}

/// The maximum of `LOAN_HOLD`: a year.
const MAX_LOAN_HOLD: Duration = Duration::from_hours(366 * 24);

impl Config {
    /// Reads and checks the environment variables. An error names the invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        if !(Duration::from_millis(1)..=MAX_LOAN_HOLD).contains(&own.loan_hold) {
            return Err(ConfigError::new("LOAN_HOLD", "is not between a millisecond and a year"));
        }
        if own.kyc_built_in && own.kyc_provider_url.is_some() {
            return Err(ConfigError::new("KYC_BUILT_IN", "is true, and KYC_PROVIDER_URL names a checker"));
        }
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            kyc_provider: own.kyc_provider(Environment::load(settings)?)?,
            own,
        })
    }
}

impl Own {
    fn kyc_provider(&self, environment: Environment) -> Result<Option<reqwest::Url>, ConfigError> {
        let Some(url) = self.kyc_provider_url.as_deref().filter(|url| !url.is_empty()) else { return Ok(None) };
        let url = provider_url::read("KYC_PROVIDER_URL", url, "https://kyc.example.com/check")?;
        if provider_url::is_in_clear(&url) {
            if environment == Environment::Production {
                let problem = "is http, which would send personal data in clear; use https";
                return Err(ConfigError::new("KYC_PROVIDER_URL", problem));
            }
            tracing::warn!("KYC_PROVIDER_URL is http: personal data is sent in clear; for development only");
        }
        Ok(Some(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
        let settings = Settings::from_variables([
            ("SHIPYARD_ENVIRONMENT", "development".to_owned()),
            ("SERVICE_KEY", "k".repeat(32)),
            ("CUSTOMERS_DATABASE_URL", "postgres://localhost/customers".to_owned()),
            ("KAFKA_BROKERS", "localhost:9092".to_owned()),
        ]);
        Config::load(&settings.with(variables.iter().map(|(name, value)| (*name, (*value).to_owned()))))
    }

    #[test]
    fn in_production_the_built_in_checker_is_only_used_if_a_variable_says_so() {
        let production = ("SHIPYARD_ENVIRONMENT", "production");
        let (built_in, url) = (("KYC_BUILT_IN", "true"), ("KYC_PROVIDER_URL", "https://kyc.example.com"));

        let refused = load(&[production]).unwrap_err().to_string();
        assert!(refused.ends_with("; set KYC_PROVIDER_URL or KYC_BUILT_IN=true"), "{refused}");
        assert!(load(&[production, built_in]).is_ok() && load(&[production, url]).is_ok());
        assert_eq!(load(&[production, built_in, url]).unwrap_err().variable, "KYC_BUILT_IN");
    }

    #[test]
    fn an_invalid_variable_is_named() {
        for (variable, value) in
            [("KYC_PROVIDER_URL", "kyc.example.com"), ("KYC_PROVIDER_URL", "ftp://a"), ("LOAN_HOLD", "0s")]
        {
            assert_eq!(load(&[(variable, value)]).unwrap_err().variable, variable, "{value}");
        }
    }

    #[test]
    fn personal_data_is_sent_in_clear_to_this_machine_alone_except_in_development() {
        let provider = |url: &str, environment: &str| {
            load(&[("KYC_PROVIDER_URL", url), ("SHIPYARD_ENVIRONMENT", environment)]).map(drop)
        };

        for url in ["https://kyc.example.com/check", "http://127.0.0.1:1", "http://[::1]:1/x", "http://localhost:1"] {
            assert!(provider(url, "production").is_ok(), "{url}");
        }
        for url in ["http://kyc.example.com", "http://10.0.0.1", "http://127.0.0.1.example.com"] {
            assert_eq!(provider(url, "production").unwrap_err().variable, "KYC_PROVIDER_URL", "{url}");
            assert!(provider(url, "development").is_ok(), "{url}");
        }
    }
}
