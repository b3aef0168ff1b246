//! Authentication between a Kafka client and its broker: the protocol, user and password, and the authorities of TLS.

use std::{path::Path, sync::Arc};

use base::{config::ConfigError, pem};
use rdkafka::ClientConfig;
use rustls::{RootCertStore, crypto::ring};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::Config;

const CA: &str = "KAFKA_SSL_CA_FILE";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum SecurityProtocol {
    /// Plain text without users.
    #[default]
    Plaintext,
    /// Users with passwords over plain text. Suitable only for a trusted network.
    SaslPlaintext,
    /// TLS without users.
    Ssl,
    /// TLS and users with passwords.
    SaslSsl,
}

/// The SASL mechanism that carries user and password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum SaslMechanism {
    #[default]
    Plain,
}

impl TryFrom<String> for SecurityProtocol {
    type Error = String;

    /// Parses a protocol in upper case, as Kafka's own tools write it, or in lower case.
    fn try_from(text: String) -> Result<Self, String> {
        let all = [Self::Plaintext, Self::SaslPlaintext, Self::Ssl, Self::SaslSsl];
        let found = all.into_iter().find(|protocol| text.eq_ignore_ascii_case(protocol.name()));
        found.ok_or_else(|| format!("is not one of {}", all.map(Self::name).join(", ")))
    }
}

impl TryFrom<String> for SaslMechanism {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = Self::Plain;
        text.eq_ignore_ascii_case(plain.name()).then_some(plain).ok_or_else(|| format!("is not {}", plain.name()))
    }
}

impl SecurityProtocol {
    /// Returns the value for librdkafka's setting `security.protocol`.
    fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::Ssl => "ssl",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    fn wants_user(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    fn wants_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }
}

impl SaslMechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
        }
    }
}

/// Fails if the protocol requires a user or an authority and none is configured, or if an authority is configured for a
/// protocol without TLS.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let missing = |variable| ConfigError::new(variable, "is not set; KAFKA_SECURITY_PROTOCOL wants it");
    let protocol = config.kafka_security_protocol;
    if protocol.wants_user() {
        config.kafka_sasl_username.as_ref().ok_or_else(|| missing("KAFKA_SASL_USERNAME"))?;
        config.kafka_sasl_password.as_ref().ok_or_else(|| missing("KAFKA_SASL_PASSWORD"))?;
    }
    match &config.kafka_ssl_ca_file {
        Some(file) if protocol.wants_tls() => authorities(file).map(drop),
        None if protocol.wants_tls() => Err(missing(CA)),
        Some(_) => Err(ConfigError::new(CA, "is set, and KAFKA_SECURITY_PROTOCOL is one without TLS")),
        None => Ok(()),
    }
}

/// Reads the file with the authorities. Fails unless it contains certificates that are all usable as authorities.
fn authorities(file: &Path) -> Result<RootCertStore, ConfigError> {
    let text = std::fs::read(file).map_err(|error| ConfigError::new(CA, format!("{}: {error}", file.display())))?;
    pem::authorities(CA, &text)
}

/// Returns the TLS settings of a client without a certificate that trusts the file's authorities.
pub(super) fn trusting(file: &Path) -> Result<Arc<rustls::ClientConfig>, ConfigError> {
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::new(CA, error))?
        .with_root_certificates(authorities(file)?)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Returns the SASL mechanism, the user and the password; `None` if the protocol has no users.
pub(super) fn credentials(config: &Config) -> Option<(&'static str, &str, Option<&SecretString>)> {
    let user = config.kafka_sasl_username.as_deref().unwrap_or_default();
    let credentials = (config.kafka_sasl_mechanism.name(), user, config.kafka_sasl_password.as_ref());
    config.kafka_security_protocol.wants_user().then_some(credentials)
}

pub(super) fn apply(config: &Config, client: &mut ClientConfig) {
    let protocol = config.kafka_security_protocol;
    client.set("security.protocol", protocol.name());
    if let Some((mechanism, user, password)) = credentials(config) {
        client
            .set("sasl.mechanism", mechanism)
            .set("sasl.username", user)
            .set("sasl.password", password.map(SecretString::expose_secret).unwrap_or_default());
    }
    if protocol.wants_tls() {
        // Without a file librdkafka would trust the system's authorities. The variable's name as the path makes it fail
        // instead, with an error that contains the name.
        let file = config.kafka_ssl_ca_file.as_deref().unwrap_or(Path::new(CA));
        client
            .set("ssl.ca.location", file.to_string_lossy())
            .set("enable.ssl.certificate.verification", "true")
            .set("ssl.endpoint.identification.algorithm", "https");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base::config::Settings;

    use super::*;

    fn load(variables: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
        let all = variables.iter().chain(&[("KAFKA_BROKERS", "localhost:9092")]);
        Config::load(&Settings::from_variables(all.map(|(name, value)| (*name, (*value).to_owned()))))
    }

    const SASL: (&str, &str) = ("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext");
    const USER: (&str, &str) = ("KAFKA_SASL_USERNAME", "order");

    #[test]
    fn tls_wants_an_authority_checks_names_and_is_never_silently_plain() {
        let directory = tempfile::tempdir().unwrap();
        let (ca, empty) = (directory.path().join("ca.crt"), directory.path().join("empty.crt"));
        let authority = certificates::Authority::create(std::time::SystemTime::now(), Duration::from_hours(1)).unwrap();
        std::fs::write(&ca, authority.certificate()).unwrap();
        std::fs::write(&empty, "").unwrap();
        let (ca, empty) = (ca.to_str().unwrap(), empty.to_str().unwrap());
        let password = ("KAFKA_SASL_PASSWORD", "secret");

        for protocol in ["ssl", "sasl_ssl"] {
            let protocol = ("KAFKA_SECURITY_PROTOCOL", protocol);
            let client = load(&[protocol, USER, password, (CA, ca)]).unwrap().client();
            assert_eq!(client.get("security.protocol"), Some(protocol.1));
            assert_eq!(client.get("ssl.ca.location"), Some(ca));
            assert_eq!(client.get("ssl.endpoint.identification.algorithm"), Some("https"));
            for wrong in [&[protocol, USER, password][..], &[protocol, USER, password, (CA, empty)]] {
                assert_eq!(load(wrong).unwrap_err().variable, CA, "{wrong:?}");
            }
            assert_eq!(load(&[protocol, USER, password, (CA, "/nowhere")]).unwrap_err().variable, CA);
        }
        assert_eq!(load(&[(CA, ca)]).unwrap_err().variable, CA, "plain text all the same");
        assert_eq!(
            load(&[("KAFKA_SECURITY_PROTOCOL", "sasl_ssl"), (CA, ca)]).unwrap_err().variable,
            "KAFKA_SASL_USERNAME"
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let variable = |variables: &[(&'static str, &str)]| load(variables).unwrap_err().variable;

        assert_eq!(variable(&[SASL]), "KAFKA_SASL_USERNAME");
        assert_eq!(variable(&[SASL, USER]), "KAFKA_SASL_PASSWORD");
        assert_eq!(variable(&[("KAFKA_SECURITY_PROTOCOL", "sasl")]), "KAFKA_SECURITY_PROTOCOL");
        assert_eq!(variable(&[("KAFKA_SASL_MECHANISM", "GSSAPI")]), "KAFKA_SASL_MECHANISM");
    }
}
