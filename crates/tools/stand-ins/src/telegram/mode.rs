//! The modes of Telegram, and their script.

use std::collections::VecDeque;

/// How a message is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TelegramMode {
    /// Accepted.
    #[default]
    Well,
    /// 429, not accepted.
    TooMany {
        /// How long the bot must wait, in seconds.
        retry_after: u64,
    },
    /// Accepted; the response comes after every client has timed out.
    Silent,
    /// Accepted; a gateway responds 502 in place of the server behind it.
    BadGateway,
    /// 403, not accepted: the user has blocked the bot.
    Forbidden,
    /// 500, not accepted. As the standing mode it applies to every other request, too.
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
