//! The service's configuration.

use console::receipt_keys::ReceiptKeys;
use contracts::{events::Messaging, identity};
use platform::{
    config::{ConfigError, Settings},
    server,
};

use crate::SERVICE;

#[derive(Clone)]
pub struct Config {
    pub server: server::Config,
    pub identity: identity::Config,
    pub messaging: Messaging,
    /// The keys that sign the log of operators' actions.
    pub receipt_keys: ReceiptKeys,
    /// All variables: with them it reads the databases, the topics and the admin ports of the other services.
    pub settings: Settings,
}

impl Config {
    /// Reads the environment variables. An error names the invalid variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        Ok(Self {
            server: server::Config::load(&SERVICE, settings)?,
            identity: settings.read()?,
            messaging: Messaging::load(settings)?,
            receipt_keys: ReceiptKeys::load(settings)?,
            settings: settings.clone(),
        })
    }
}
