//! Clients of other systems: iam for users' contacts, and the messenger.

mod iam;
mod log;
mod memory;
mod telegram;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};
pub use iam::{GrpcContacts, GrpcUsers};
pub use log::Log;
pub use memory::{MemoryContacts, MemoryMessenger, MemoryUsers, Reply, SentMessage};
use platform::grpc::Peer;
pub use telegram::Telegram;

use crate::{
    config::Own,
    model::{Kind, MessengerError},
};

/// iam did not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("iam unavailable: {0}")]
pub struct Unavailable(pub String);

/// Where a user is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The target of a `telegram` notification method.
    pub chat: String,
    /// The user has proved to read this chat.
    pub is_confirmed: bool,
}

#[async_trait]
pub trait Users: Send + Sync {
    /// Returns the user's Telegram contact, if there is one: of several, the confirmed one, else the first.
    async fn contact(&self, user: UserId) -> Result<Option<Contact>, Unavailable>;
}

/// What became of a code that a chat gave the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    Confirmed,
    /// It is wrong, has expired or was used.
    WrongCode,
    /// The code was right, and its user has another contact.
    OtherChat,
    /// The chat has given too many wrong codes.
    TooMany,
}

impl Confirmation {
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
    /// Confirms the contact of the code's user, if it is this chat. Must not be repeated: a code works once.
    async fn confirm(&self, code: &str, chat: i64) -> Result<Confirmation, Unavailable>;
}

/// The longest text that a messenger accepts, in UTF-16 code units. Telegram counts characters after parsing entities; the messages have
/// no entities, and a text never has fewer code units than characters.
pub const LONGEST_TEXT: usize = 4_096;

/// A message to a chat: a notification, or a digest of several.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    pub chat: &'a str,
    pub text: &'a str,
    /// The rendered notifications, in the order in which the text has them.
    pub parts: &'a [Part],
}

/// The rendered text of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub order: OrderId,
    pub kind: Kind,
    pub text: String,
}

/// The provider's rate limits, as the time between two messages.
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
    /// Checks whether the provider answers, without sending anything.
    async fn probe(&self) -> Result<(), MessengerError>;
}

/// An update of the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub id: i64,
    /// Absent when the update is not a text message.
    pub message: Option<Incoming>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    pub chat: String,
    /// Present for the private chat of the user who wrote.
    pub private: Option<i64>,
    pub first_name: String,
    pub text: String,
}

/// The API through which a bot reads and answers messages.
#[async_trait]
pub trait BotApi: Send + Sync {
    /// The bot's public id.
    fn name(&self) -> &str;
    /// Returns the updates from `from` on. A long poll: waits while there are none.
    async fn updates(&self, from: i64) -> Result<Vec<Update>, MessengerError>;
    async fn reply(&self, chat: &str, text: &str) -> Result<(), MessengerError>;
}

/// The clients that the configuration selects.
pub struct Messenger {
    pub users: Arc<dyn Users>,
    pub contacts: Arc<dyn Contacts>,
    pub notifier: Arc<dyn Notifier>,
    /// Absent without a token.
    pub bot: Option<Arc<dyn BotApi>>,
}

/// Builds the messenger: Telegram if a token is set, otherwise the log. `iam` must carry this service's identity.
pub fn messenger(config: &Own, iam: Peer) -> anyhow::Result<Messenger> {
    let contacts = Arc::new(GrpcContacts::new(iam.clone()));
    let Some(token) = &config.telegram_bot_token else {
        return Ok(Messenger { users: Arc::new(Log), contacts, notifier: Arc::new(Log), bot: None });
    };
    let telegram = Arc::new(Telegram::new(&config.telegram_api_url, token, telegram::CALL_TIMEOUT)?);
    let users = Arc::new(GrpcUsers::new(iam));
    Ok(Messenger { users, contacts, notifier: telegram.clone(), bot: Some(telegram) })
}
