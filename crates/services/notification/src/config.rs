//! The service's configuration.

use std::path::PathBuf;

use contracts::{events::Messaging, identity};
use platform::{
    config::{ConfigError, Settings},
    server,
};
use secrecy::SecretString;
use serde::Deserialize;

use crate::SERVICE;

#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::Config,
    pub identity: identity::Config,
    pub messaging: Messaging,
    pub own: Own,
}

/// The variables that only this service has.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    /// The bot's token, as BotFather gives it. Without one, messages are logged instead of sent.
    pub telegram_bot_token: Option<SecretString>,
    /// The chat for users without a `telegram` method.
    pub telegram_chat_id: Option<String>,
    /// The Bot API's base URL.
    #[serde(default = "telegram")]
    pub telegram_api_url: String,
    /// A directory whose files replace the built-in templates of the same name; see `templates/`.
    pub notification_templates: Option<PathBuf>,
}

fn telegram() -> String {
    "https://api.telegram.org".to_owned()
}

impl Config {
    /// Reads the variables; an error names the one that is wrong.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            own: settings.read()?,
        })
    }
}
