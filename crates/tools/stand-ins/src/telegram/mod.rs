//! A stand-in for Telegram that takes messages, hands out what is said to the bot, and misbehaves as it is told to.

mod api;
mod chats;
mod mode;

use std::net::SocketAddr;

use self::chats::SharedChats;
pub use self::{chats::Sent, mode::TelegramMode};
use crate::server::Server;

/// Speaks the part of the Bot API that sends messages and reads them. Accepts nothing more once it is dropped.
pub struct Telegram {
    server: Server,
    chats: SharedChats,
}

impl Telegram {
    /// One that knows the bot with this token.
    pub async fn start(token: &str) -> anyhow::Result<Self> {
        let chats = SharedChats::default();
        let server = Server::start(api::router(token, chats.clone())).await?;
        Ok(Self { server, chats })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// What to put before `/bot<token>`, without a slash at the end.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// How it behaves from now on, where no script says otherwise.
    pub fn be(&self, mode: TelegramMode) {
        self.chats.lock().modes.standing = mode;
    }

    /// How the next messages are met, one each.
    pub fn script(&self, modes: impl IntoIterator<Item = TelegramMode>) {
        self.chats.lock().modes.script.extend(modes);
    }

    /// Somebody writes to the bot.
    pub fn say(&self, chat: i64, first_name: &str, text: &str) {
        self.chats.lock().say(chat, first_name, text);
    }

    /// Every message that was taken, in order.
    pub fn messages(&self) -> Vec<Sent> {
        self.chats.lock().sent.clone()
    }

    /// Every message that was refused for good, which is with 403, in order.
    pub fn refused(&self) -> Vec<Sent> {
        self.chats.lock().refused.clone()
    }

    /// How often this mode was met so far: by messages, and [`TelegramMode::Broken`] by all that was asked.
    pub fn met(&self, mode: TelegramMode) -> usize {
        self.chats.lock().met.get(&mode).copied().unwrap_or_default()
    }
}
