//! How a Kafka client proves who it is: the protocol, and a user with a password.

use rdkafka::ClientConfig;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::Config;
use crate::config::ConfigError;

/// The protocol that the broker's listener speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecurityProtocol {
    /// Neither users nor encryption.
    #[default]
    Plaintext,
    /// Users with passwords, for a network of one's own: nothing is encrypted.
    SaslPlaintext,
}

/// How the password is shown. PLAIN is the one that librdkafka has without OpenSSL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SaslMechanism {
    #[default]
    Plain,
}

impl SecurityProtocol {
    /// librdkafka's name.
    fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::SaslPlaintext => "sasl_plaintext",
        }
    }

    pub(super) fn wants_user(self) -> bool {
        self == Self::SaslPlaintext
    }
}

impl SaslMechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
        }
    }
}

/// Fails where the protocol wants a user and none, or no password, is configured.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let missing = |variable| ConfigError::new(variable, "is not set; KAFKA_SECURITY_PROTOCOL wants it");
    if !config.kafka_security_protocol.wants_user() {
        return Ok(());
    }
    config.kafka_sasl_username.as_ref().ok_or_else(|| missing("KAFKA_SASL_USERNAME"))?;
    config.kafka_sasl_password.as_ref().ok_or_else(|| missing("KAFKA_SASL_PASSWORD"))?;
    Ok(())
}

pub(super) fn apply(config: &Config, client: &mut ClientConfig) {
    let protocol = config.kafka_security_protocol;
    client.set("security.protocol", protocol.name());
    if protocol.wants_user() {
        let password = config.kafka_sasl_password.as_ref().map(SecretString::expose_secret).unwrap_or_default();
        client
            .set("sasl.mechanism", config.kafka_sasl_mechanism.name())
            .set("sasl.username", config.kafka_sasl_username.as_deref().unwrap_or_default())
            .set("sasl.password", password);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn load(variables: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
        let all = variables.iter().chain(&[("KAFKA_BROKERS", "localhost:9092")]);
        Config::load(&Settings::of(all.map(|(name, value)| (*name, (*value).to_owned()))))
    }

    const SASL: (&str, &str) = ("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext");
    const USER: (&str, &str) = ("KAFKA_SASL_USERNAME", "order");

    #[test]
    fn without_a_protocol_a_client_has_no_user() {
        let client = load(&[USER, ("KAFKA_SASL_PASSWORD", "secret")]).unwrap().client();

        assert_eq!(client.get("security.protocol"), Some("plaintext"));
        assert_eq!(client.get("sasl.username"), None);
    }

    #[test]
    fn a_user_and_its_password_are_passed_on_and_not_shown() {
        let config = load(&[SASL, USER, ("KAFKA_SASL_PASSWORD", "secret")]).unwrap();
        let client = config.client();

        assert_eq!(client.get("sasl.mechanism"), Some("PLAIN"));
        assert_eq!((client.get("sasl.username"), client.get("sasl.password")), (Some("order"), Some("secret")));
        assert!(!format!("{config:?} {client:?}").contains("secret"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let variable = |variables: &[(&'static str, &str)]| load(variables).unwrap_err().variable;

        assert_eq!(variable(&[SASL]), "KAFKA_SASL_USERNAME");
        assert_eq!(variable(&[SASL, USER]), "KAFKA_SASL_PASSWORD");
        assert_eq!(variable(&[("KAFKA_SECURITY_PROTOCOL", "kerberos")]), "KAFKA_SECURITY_PROTOCOL");
        assert_eq!(variable(&[("KAFKA_SASL_MECHANISM", "GSSAPI")]), "KAFKA_SASL_MECHANISM");
    }
}
