//! A stand-in for Telegram that accepts messages, delivers updates to the bot, and injects faults on request.

mod api;
mod chats;

use std::{net::SocketAddr, time::Duration};

use tokio::time::Instant;

use self::chats::SharedChats;
pub use self::chats::{Sent, TelegramMode};
use crate::server::Server;

/// A server of the part of the Bot API that sends messages and reads updates. It runs until it is dropped.
pub struct Telegram {
    server: Server,
    chats: SharedChats,
}

impl Telegram {
    /// Returns a Telegram that knows the bot with this token.
    pub async fn start(token: &str) -> anyhow::Result<Self> {
        let chats = SharedChats::default();
        let server = Server::start(api::router(token, chats.clone())).await?;
        Ok(Self { server, chats })
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the base URL before `/bot<token>`, without a trailing slash.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Sets the mode of messages without a [scripted](Self::script) one.
    pub fn be(&self, mode: TelegramMode) {
        self.chats.lock().modes.standing = mode;
    }

    /// Sets the modes of the next messages, one each.
    pub fn script(&self, modes: impl IntoIterator<Item = TelegramMode>) {
        self.chats.lock().modes.script.extend(modes);
    }

    /// Rejects all messages to this chat with 429 for `time`; with `None`, all messages of the bot.
    pub fn limit(&self, chat: Option<&str>, time: Duration) {
        self.chats.lock().limits.insert(chat.map(str::to_owned), Instant::now() + time);
    }

    /// Makes a group a supergroup. Messages to its old id are rejected with its new id.
    pub fn upgrade(&self, group: &str, supergroup: i64) {
        self.chats.lock().upgraded.insert(group.to_owned(), supergroup);
    }

    /// Returns how many messages were rejected because their group is a supergroup.
    pub fn moved(&self) -> usize {
        self.chats.lock().moved
    }

    /// Sends a message from a user to the bot.
    pub fn say(&self, chat: i64, first_name: &str, text: &str) {
        self.chats.lock().say(chat, first_name, text);
    }

    /// Returns all accepted messages, in order.
    pub fn messages(&self) -> Vec<Sent> {
        self.chats.lock().sent.clone()
    }

    /// Returns all messages rejected with 403, in order.
    pub fn refused(&self) -> Vec<Sent> {
        self.chats.lock().refused.clone()
    }

    /// Returns how often this mode was applied: to messages, and for [`TelegramMode::Broken`] to all requests.
    pub fn met(&self, mode: TelegramMode) -> usize {
        self.chats.lock().met.get(&mode).copied().unwrap_or_default()
    }
}
