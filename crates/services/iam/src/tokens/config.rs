//! The variables of access tokens.

use std::time::Duration;

use platform::{
    config::{ConfigError, Host, Settings, environment::Environment},
    es256::PublishedKey,
};
use secrecy::SecretString;
use serde::Deserialize;

use super::{AccessTokens, SigningKey};

/// The published key, which signs in development if no key is configured.
const PUBLISHED: &str = include_str!("../../data/token_key.development.pem");
const KEY: &str = "IAM_TOKEN_KEY";
const NEXT: &str = "IAM_TOKEN_KEY_NEXT";

#[derive(Deserialize)]
pub struct Config {
    /// The key that signs access tokens, in PEM (PKCS#8, P-256).
    iam_token_key: Option<SecretString>,
    /// A second key, whose tokens are accepted, while operators replace the key: first the new key, then the old one.
    iam_token_key_next: Option<SecretString>,
    /// The lifetime of an access token, which also ends with its session.
    #[serde(default = "token_ttl", deserialize_with = "platform::config::bounded::duration")]
    iam_token_ttl: Duration,
}

fn token_ttl() -> Duration {
    Duration::from_mins(5)
}

/// Reads the keys; errors name the variable. Fails in production if none is configured or one of them is the published
/// key.
///
/// If all services share one process, no other process needs the key, so the default is a generated key.
pub fn load(settings: &Settings) -> Result<AccessTokens, ConfigError> {
    let config: Config = settings.read()?;
    // The times in a token are in whole seconds.
    if config.iam_token_ttl < Duration::from_secs(1) {
        return Err(ConfigError::new("IAM_TOKEN_TTL", "is less than a second"));
    }
    let is_production = Environment::load(settings)? == Environment::Production;
    let published = PublishedKey::parse(KEY, PUBLISHED, is_production)?;
    let read = |variable, key: &SecretString| published.admit(variable, SigningKey::parse(variable, key)?);
    let next = config.iam_token_key_next.map(|key| read(NEXT, &key)).transpose()?;
    let key = match config.iam_token_key {
        Some(key) => read(KEY, &key)?,
        None if settings.host() == Host::SharedProcess => {
            SigningKey::generate().map_err(|error| ConfigError::new(KEY, format!("cannot be generated: {error}")))?
        }
        None => published.or_refuse(KEY)?,
    };
    Ok(AccessTokens::new(key, next.as_ref(), config.iam_token_ttl))
}
