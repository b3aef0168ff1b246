//! The service's configuration.

use std::time::Duration;

use contracts::{events::Messaging, identity, money::Money};
use platform::{
    config::{ConfigError, Settings, provider_url},
    server,
};
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    SERVICE,
    client::{Declines, StripeAccount},
};

#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::Config,
    pub identity: identity::Config,
    pub messaging: Messaging,
    /// The INVESTOR_MONEY balance of a new user.
    pub initial_balance: Money,
    pub declines: Declines,
    /// The provider of all methods except INVESTOR_MONEY. `None` selects the built-in provider.
    pub stripe: Option<StripeAccount>,
    /// The secret with which the provider signs its events. `None` means that the service accepts no events.
    pub webhook_secret: Option<SecretString>,
}

/// The variables that only this service has.
#[derive(Deserialize)]
struct Own {
    /// The INVESTOR_MONEY balance of a new user, in major units.
    #[serde(default = "initial_balance")]
    payment_initial_balance: f64,
    /// The share of payments that the built-in provider declines, 0 to 1. It does not apply to INVESTOR_MONEY.
    #[serde(default)]
    payment_decline_rate: f64,
    /// The built-in provider declines larger amounts than this, in major units. It does not apply to INVESTOR_MONEY.
    payment_decline_above: Option<f64>,
    /// The base URL of a provider that speaks Stripe's API, such as https://api.stripe.com. Without it, the built-in
    /// provider is used.
    payment_provider_url: Option<String>,
    /// True confirms that the built-in provider, which moves no money, is meant in production.
    #[serde(default)]
    payment_built_in: bool,
    /// The provider's secret key.
    payment_provider_key: Option<SecretString>,
    /// The secret with which the provider signs the events that it sends. Without it, the service only polls the
    /// provider.
    payment_webhook_secret: Option<SecretString>,
    /// The timeout of a call to the provider. The outcome of a call that times out is unknown.
    #[serde(default = "provider_timeout", deserialize_with = "platform::config::bounded::duration")]
    payment_provider_timeout: Duration,
    /// The currency's ISO 4217 code. It must have two decimals, as the shop's prices have.
    #[serde(default = "currency")]
    payment_currency: String,
}

fn initial_balance() -> f64 {
    1000.0
}

fn provider_timeout() -> Duration {
    Duration::from_secs(3)
}

fn currency() -> String {
    "usd".to_owned()
}

impl Config {
    /// Reads and validates the variables. An error names the invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let own: Own = settings.read()?;
        if !(0.0..=1.0).contains(&own.payment_decline_rate) {
            return Err(ConfigError::new("PAYMENT_DECLINE_RATE", "is not between 0 and 1"));
        }
        let currency =
            currency_code(&own.payment_currency).map_err(|problem| ConfigError::new("PAYMENT_CURRENCY", problem))?;
        let above = own.payment_decline_above.map(|above| money("PAYMENT_DECLINE_ABOVE", above)).transpose()?;
        if own.payment_built_in && own.payment_provider_url.is_some() {
            return Err(ConfigError::new("PAYMENT_BUILT_IN", "is true, and PAYMENT_PROVIDER_URL names a provider"));
        }
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            initial_balance: money("PAYMENT_INITIAL_BALANCE", own.payment_initial_balance)?,
            declines: Declines { rate: own.payment_decline_rate, above },
            stripe: own.stripe(currency)?,
            webhook_secret: own.payment_webhook_secret,
        })
    }
}

impl Own {
    fn stripe(&self, currency: String) -> Result<Option<StripeAccount>, ConfigError> {
        let Some(url) = &self.payment_provider_url else { return Ok(None) };
        let url = provider_url::read("PAYMENT_PROVIDER_URL", url, "https://api.stripe.com")?;
        let key = self
            .payment_provider_key
            .clone()
            .ok_or_else(|| ConfigError::new("PAYMENT_PROVIDER_KEY", "is not set, and PAYMENT_PROVIDER_URL is"))?;
        if provider_url::is_in_clear(&url) {
            let problem = "is http, which would send the key and amounts in clear; use https (http is for a stand-in on this machine)";
            return Err(ConfigError::new("PAYMENT_PROVIDER_URL", problem));
        }
        Ok(Some(StripeAccount { url, key, currency, timeout: self.payment_provider_timeout }))
    }
}

fn money(variable: &str, major: f64) -> Result<Money, ConfigError> {
    Money::from_major(major).map_err(|error| ConfigError::new(variable, error))
}

/// The currencies whose minor unit is not a hundredth: an amount of 1000 would mean 1000 yen, or one Kuwaiti dinar,
/// instead of 10.00.
///
/// Source: ISO 4217, list one of 2024-06, plus the Malagasy ariary, which has no decimals at Stripe.
const OTHER_DECIMALS: &[&str] = &[
    "bif", "clp", "djf", "gnf", "isk", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "uyi", "vnd", "vuv", "xaf",
    "xof", "xpf", // Three decimals:
    "bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd", // Four decimals:
    "clf", "uyw",
];

/// Returns the currency's code in lower case. Fails if the text is not a code, or if the shop's amounts would be wrong
/// in this currency.
fn currency_code(code: &str) -> Result<String, &'static str> {
    let code = code.to_lowercase();
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err("is not three letters such as usd");
    }
    if OTHER_DECIMALS.contains(&code.as_str()) {
        return Err("is a currency that does not have two decimals, as the shop's prices have");
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(environment: &str) -> Settings {
        Settings::from_variables([
            ("SHIPYARD_ENVIRONMENT", environment.to_owned()),
            ("SERVICE_KEY", "k".repeat(32)),
            ("PAYMENT_DATABASE_URL", "postgres://localhost/payment".to_owned()),
            ("KAFKA_BROKERS", "localhost:9092".to_owned()),
        ])
    }

    fn load(variable: &str, value: &str) -> Result<Config, ConfigError> {
        Config::load(&settings("development").with([(variable, value.to_owned())]))
    }

    #[test]
    fn in_production_play_money_and_its_initial_balance_are_only_used_if_a_variable_says_so() {
        let given = |variables: &[(&'static str, &str)]| {
            let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
            Config::load(&settings("production").with(variables)).map(drop)
        };
        let (url, key) = (("PAYMENT_PROVIDER_URL", "https://api.stripe.com"), ("PAYMENT_PROVIDER_KEY", "sk_test_key"));
        let (built_in, balance) = (("PAYMENT_BUILT_IN", "true"), ("PAYMENT_INITIAL_BALANCE", "0"));

        let refused = given(&[]).unwrap_err().to_string();
        let ends = "set PAYMENT_PROVIDER_URL or PAYMENT_BUILT_IN=true, and PAYMENT_INITIAL_BALANCE";
        assert!(refused.starts_with("SHIPYARD_ENVIRONMENT: ") && refused.ends_with(ends), "{refused}");
        assert!(given(&[url, key, balance]).is_ok() && given(&[built_in, balance]).is_ok());
        assert_eq!(given(&[url, key, built_in, balance]).unwrap_err().variable, "PAYMENT_BUILT_IN");
    }

    #[test]
    fn an_invalid_variable_is_named() {
        for (variable, value) in [
            ("PAYMENT_DECLINE_RATE", "1.5"),
            ("PAYMENT_DECLINE_ABOVE", "-1"),
            ("PAYMENT_INITIAL_BALANCE", "0.001"),
            ("PAYMENT_CURRENCY", "dollars"),
            ("PAYMENT_CURRENCY", "JPY"),
            ("PAYMENT_CURRENCY", "kwd"),
            ("PAYMENT_PROVIDER_URL", "api.stripe.com"),
            ("PAYMENT_PROVIDER_TIMEOUT", "soon"),
        ] {
            assert_eq!(load(variable, value).unwrap_err().variable, variable);
        }
    }

    #[test]
    fn a_provider_needs_a_key() {
        let error = load("PAYMENT_PROVIDER_URL", "https://api.stripe.com").unwrap_err();

        assert_eq!(error.variable, "PAYMENT_PROVIDER_KEY");
    }

    #[test]
    fn a_key_is_sent_in_clear_to_this_machine_alone() {
        let with_key = |url: &str| {
            let own = [("PAYMENT_PROVIDER_KEY", "sk_test_key"), ("PAYMENT_PROVIDER_URL", url)];
            Config::load(&settings("development").with(own.map(|(name, value)| (name, value.to_owned()))))
        };

        for url in ["https://api.stripe.com", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"] {
            assert!(with_key(url).is_ok(), "{url}");
        }
        for url in
            ["http://api.stripe.com", "http://10.0.0.1", "http://127.0.0.1.example.com", "http://localhost.example.com"]
        {
            let error = with_key(url).unwrap_err();
            assert_eq!(error.variable, "PAYMENT_PROVIDER_URL", "{url}");
            assert!(!error.to_string().contains("sk_test_key"), "{error}");
        }
    }

    #[test]
    fn a_currency_without_two_decimals_is_refused() {
        for code in ["jpy", "KRW", "Kwd", "clf", "mga"] {
            assert!(currency_code(code).is_err(), "{code}");
        }
        for code in ["usd", "EUR", "rub"] {
            assert_eq!(currency_code(code), Ok(code.to_lowercase()));
        }
    }
}
