//! Clients of other systems: iam for users' contacts, and the messenger.

mod iam;
mod telegram;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};
pub use iam::GrpcIam;
use platform::grpc::{Peer, Unavailable};
pub use telegram::Telegram;

use crate::{
    config::Own,
    model::{Kind, MessengerError},
};

/// The Telegram chat to which a user's notifications are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The target of a `telegram` notification method.
    pub chat: String,
    /// True if the user has proved that they read this chat.
    pub is_confirmed: bool,
}

#[async_trait]
pub trait Users: Send + Sync {
    /// Returns the user's first confirmed Telegram contact; if none is confirmed, the first contact.
    async fn contact(&self, user: UserId) -> Result<Option<Contact>, Unavailable>;
}

/// The outcome of a code that a chat sent to the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    Confirmed,
    /// The code is wrong, has expired or was used already.
    WrongCode,
    /// The code is right, but the contact of its user is another chat.
    OtherChat,
    /// The chat has sent too many wrong codes.
    TooMany,
}

impl Confirmation {
    /// Names the outcome of a code that iam could not check.
    pub const UNAVAILABLE: &str = "unavailable";
    pub const ALL: [Self; 4] = [Self::Confirmed, Self::WrongCode, Self::OtherChat, Self::TooMany];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::WrongCode => "wrong_code",
            Self::OtherChat => "other_chat",
            Self::TooMany => "too_many",
        }
    }
}

/// Confirms users' contacts.
#[async_trait]
pub trait Contacts: Send + Sync {
    /// Confirms the contact of the user who has the code, if that contact is `chat`. Callers must not retry: a code
    /// works only once.
    async fn confirm(&self, code: &str, chat: i64) -> Result<Confirmation, Unavailable>;
}

/// A rendered notification.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    pub chat: &'a str,
    pub order: OrderId,
    pub kind: Kind,
    pub text: &'a str,
}

/// The provider's rate limits, as the minimum time between two messages: overall, and to the same chat.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    pub overall: Duration,
    pub per_chat: Duration,
}

/// Sends messages to users.
#[async_trait]
pub trait Notifier: Send + Sync {
    fn limits(&self) -> Limits;
    /// Sends a message. Times out before the attempt [expires](crate::service::ATTEMPT_EXPIRY).
    async fn send(&self, message: &Message<'_>) -> Result<(), MessengerError>;
    /// Fails if the provider does not respond. Sends nothing.
    async fn probe(&self) -> Result<(), MessengerError>;
}

/// An update that the provider delivers to the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub id: i64,
    /// Absent if the update is not a text message.
    pub message: Option<Incoming>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    pub chat: String,
    /// The id of the chat if it is the sender's private chat with the bot.
    pub private: Option<i64>,
    pub first_name: String,
    pub text: String,
}

/// The API through which a bot reads and answers messages.
#[async_trait]
pub trait BotApi: Send + Sync {
    /// Returns the bot's public id.
    fn name(&self) -> &str;
    /// Returns the updates with ids from `from` on. Long-polls: waits while there are no updates.
    async fn updates(&self, from: i64) -> Result<Vec<Update>, MessengerError>;
    async fn reply(&self, chat: &str, text: &str) -> Result<(), MessengerError>;
}

/// The clients that the configuration selects.
pub struct Messenger {
    pub users: Arc<dyn Users>,
    pub contacts: Arc<dyn Contacts>,
    pub notifier: Arc<dyn Notifier>,
    /// Absent if no bot token is configured.
    pub bot: Option<Arc<dyn BotApi>>,
}

/// Builds the messenger: Telegram if a token is set, otherwise the log. `iam` must carry this service's identity.
pub fn messenger(config: &Own, iam: Peer) -> anyhow::Result<Messenger> {
    let iam = Arc::new(GrpcIam::new(iam));
    let Some(token) = &config.telegram_bot_token else {
        return Ok(Messenger { users: Arc::new(Log), contacts: iam, notifier: Arc::new(Log), bot: None });
    };
    let telegram = Arc::new(Telegram::new(&config.telegram_api_url, token, telegram::CALL_TIMEOUT)?);
    Ok(Messenger { users: iam.clone(), contacts: iam, notifier: telegram.clone(), bot: Some(telegram) })
}

/// A messenger that writes notifications to the log, used when no bot token is configured.
pub struct Log;

/// Uses each user's id as their chat, without a call to iam.
#[async_trait]
impl Users for Log {
    async fn contact(&self, user: UserId) -> Result<Option<Contact>, Unavailable> {
        Ok(Some(Contact { chat: user.to_string(), is_confirmed: true }))
    }
}

#[async_trait]
impl Notifier for Log {
    fn limits(&self) -> Limits {
        Limits::default()
    }

    async fn send(&self, message: &Message<'_>) -> Result<(), MessengerError> {
        tracing::info!(
            order_uuid = %message.order,
            kind = message.kind.as_str(),
            text = message.text,
            "TELEGRAM_BOT_TOKEN is not set, notification logged instead of sent"
        );
        Ok(())
    }

    async fn probe(&self) -> Result<(), MessengerError> {
        Ok(())
    }
}
