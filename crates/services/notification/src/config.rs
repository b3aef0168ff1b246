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

/// The environment variables that only this service reads.
#[derive(Clone, Debug, Deserialize)]
pub struct Own {
    /// The bot's token, as BotFather gives it. Without one, messages are logged instead of sent.
    pub telegram_bot_token: Option<SecretString>,
    /// The chat to which notifications are sent for users without a `telegram` method.
    pub telegram_chat_id: Option<String>,
    /// The Bot API's base URL.
    #[serde(default = "telegram")]
    pub telegram_api_url: String,
    /// True notifies users whose Telegram contact is not confirmed. By default, true only if the Bot API is not
    /// Telegram's own.
    pub notification_telegram_unconfirmed: Option<bool>,
    /// A directory whose files replace the built-in templates of the same name; see `templates/`.
    pub notification_templates: Option<PathBuf>,
}

/// The host of Telegram's own Bot API.
const TELEGRAM: &str = "api.telegram.org";

fn telegram() -> String {
    format!("https://{TELEGRAM}")
}

impl Own {
    /// Returns true if users whose Telegram contact is not confirmed are notified.
    pub fn writes_to_unconfirmed(&self) -> bool {
        let host = reqwest::Url::parse(&self.telegram_api_url).ok();
        let host = host.as_ref().and_then(|url| url.host_str()).map(|host| host.trim_end_matches('.'));
        self.notification_telegram_unconfirmed.unwrap_or(host != Some(TELEGRAM))
    }
}

impl Config {
    /// Reads the environment variables. An error names the invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            own: settings.read()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_at_telegram_itself_contacts_must_be_confirmed_unless_the_variable_says_otherwise() {
        let own = |url: &str, unconfirmed| Own {
            telegram_bot_token: None,
            telegram_chat_id: None,
            telegram_api_url: url.to_owned(),
            notification_telegram_unconfirmed: unconfirmed,
            notification_templates: None,
        };
        let real = ["https://api.telegram.org", "https://API.telegram.org:443/", "http://api.telegram.org./x"];
        for url in real {
            assert!(!own(url, None).writes_to_unconfirmed(), "{url}");
            assert!(own(url, Some(true)).writes_to_unconfirmed(), "{url}");
        }
        for url in ["http://127.0.0.1:8081", "https://telegram.example", "https://api.telegram.org.example"] {
            assert!(own(url, None).writes_to_unconfirmed(), "{url}");
            assert!(!own(url, Some(false)).writes_to_unconfirmed(), "{url}");
        }
    }
}
