//! The others that this service asks: iam for a user's chat, and the messenger.

mod iam;
mod log;
mod memory;
mod telegram;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
pub use iam::GrpcUsers;
pub use log::Log;
pub use memory::{MemoryMessenger, MemoryUsers, Reply, Told};
use platform::grpc::Peer;
pub use telegram::Telegram;
use uuid::Uuid;

use crate::{
    config::Own,
    model::{Fault, Kind},
};

/// iam cannot be asked now.
#[derive(Clone, Debug, thiserror::Error)]
#[error("iam cannot be asked: {0}")]
pub struct Unavailable(pub String);

#[async_trait]
pub trait Users: Send + Sync {
    /// The chat of the user's `telegram` method, where he has one.
    async fn chat(&self, user: Uuid) -> Result<Option<String>, Unavailable>;
}

/// The longest text that a messenger takes, in UTF-16 code units. Telegram takes so many characters after it has parsed entities,
/// of which there are none; in code units there are never fewer.
pub const LONGEST_TEXT: usize = 4_096;

/// A message to a chat: a notification, or a digest of several.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    pub chat: &'a str,
    pub text: &'a str,
    /// The notifications in it, in their order.
    pub parts: &'a [Part],
}

/// A notification in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub order: Uuid,
    pub kind: Kind,
    pub text: String,
}

/// How fast a provider may be sent messages: the time from one to the next.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    pub overall: Duration,
    pub per_chat: Duration,
}

/// Who tells users.
#[async_trait]
pub trait Notifier: Send + Sync {
    fn limits(&self) -> Limits;
    /// Hands a message over. Returns within a bound, and in time for [`GIVE_UP`](crate::service::GIVE_UP).
    async fn send(&self, message: &Message<'_>) -> Result<(), Fault>;
    /// Whether it is worth while to send anything now; changes nothing.
    async fn probe(&self) -> Result<(), Fault>;
}

/// Something that was said to the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub id: i64,
    /// Absent when it is nothing that the bot understands.
    pub message: Option<Incoming>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    pub chat: String,
    pub first_name: String,
    pub text: String,
}

/// A bot that users can talk to.
#[async_trait]
pub trait Bot: Send + Sync {
    /// What tells it from other bots; no secret.
    fn name(&self) -> &str;
    /// What was said to it from the update `from` on; waits a while for it.
    async fn updates(&self, from: i64) -> Result<Vec<Update>, Fault>;
    async fn reply(&self, chat: &str, text: &str) -> Result<(), Fault>;
}

/// How this process reaches users.
pub struct Messenger {
    pub users: Arc<dyn Users>,
    pub notifier: Arc<dyn Notifier>,
    /// Absent where there is no token.
    pub bot: Option<Arc<dyn Bot>>,
}

/// Telegram where there is a token, else the log, for which nobody needs a chat. `iam` carries this service's identity.
pub fn messenger(config: &Own, iam: Peer) -> anyhow::Result<Messenger> {
    let Some(token) = &config.telegram_bot_token else {
        return Ok(Messenger { users: Arc::new(Log), notifier: Arc::new(Log), bot: None });
    };
    let telegram = Arc::new(Telegram::new(&config.telegram_api_url, token, telegram::CALL_TIMEOUT)?);
    Ok(Messenger { users: Arc::new(GrpcUsers::new(iam)), notifier: telegram.clone(), bot: Some(telegram) })
}
