//! What can be configured.

use std::{net::SocketAddr, path::PathBuf};

use events::Topics;
use platform::{
    config::{ConfigError, Settings},
    kafka,
};
use secrecy::SecretString;
use serde::Deserialize;

#[derive(Clone, Debug)]
pub struct Config {
    pub own: Own,
    pub kafka: kafka::Config,
    pub topics: Topics,
}

/// The variables of this service alone.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    #[serde(default = "listen")]
    pub notification_listen: SocketAddr,
    /// Metrics and health over HTTP.
    #[serde(default = "admin_listen")]
    pub notification_admin_listen: Option<SocketAddr>,
    pub notification_database_url: SecretString,
    #[serde(default = "connections")]
    pub notification_database_connections: u32,
    /// Shared by all services; at least 32 bytes.
    pub service_key: SecretString,
    /// Where iam is.
    #[serde(default = "iam")]
    pub iam_address: String,
    /// The bot's token, as BotFather gives it. Without one, messages are logged instead of sent.
    pub telegram_bot_token: Option<SecretString>,
    /// Where messages for users without a `telegram` method go.
    pub telegram_chat_id: Option<String>,
    #[serde(default = "telegram")]
    pub telegram_api_url: String,
    /// A directory whose files replace the built-in templates of the same name; see `templates/`.
    pub notification_templates: Option<PathBuf>,
    /// How long listeners stay open once the service is told to stop.
    #[serde(default, with = "humantime_serde")]
    pub shutdown_drain: std::time::Duration,
}

fn listen() -> SocketAddr {
    ([127, 0, 0, 1], 50055).into()
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn admin_listen() -> Option<SocketAddr> {
    Some(([127, 0, 0, 1], 9469).into())
}

fn connections() -> u32 {
    10
}

fn iam() -> String {
    "127.0.0.1:50053".to_owned()
}

fn telegram() -> String {
    "https://api.telegram.org".to_owned()
}

impl Config {
    /// Reads the variables; an error names the one that is wrong.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        Ok(Self { own: settings.read()?, kafka: settings.read()?, topics: settings.read()? })
    }
}
