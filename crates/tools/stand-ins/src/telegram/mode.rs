//! How Telegram behaves, and which message meets what.

use std::collections::VecDeque;

/// How a message is met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TelegramMode {
    /// It is taken.
    #[default]
    Well,
    /// 429, and it is not taken.
    TooMany {
        /// How long the bot is to wait, in seconds.
        retry_after: u64,
    },
    /// It is taken, and the answer comes after everybody has stopped waiting.
    Silent,
    /// It is taken, and the answer is 502, as from a gateway that has lost the answer of the server behind it.
    BadGateway,
    /// 403, as when the user has blocked the bot, and it is not taken.
    Forbidden,
    /// 500, and it is not taken. While this is how Telegram stands, so is everything else met that a bot asks.
    Broken,
}

#[derive(Default)]
pub(super) struct Modes {
    pub standing: TelegramMode,
    pub script: VecDeque<TelegramMode>,
}

impl Modes {
    pub fn next(&mut self) -> TelegramMode {
        self.script.pop_front().unwrap_or(self.standing)
    }
}
