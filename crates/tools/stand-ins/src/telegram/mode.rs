//! The modes of Telegram, and their script.

use std::collections::VecDeque;

/// How a message is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TelegramMode {
    /// The message is accepted.
    #[default]
    Well,
    /// The message is rejected with 429.
    TooMany {
        /// How long the bot must wait, in seconds.
        retry_after: u64,
    },
    /// The message is accepted, but the response is sent only after every client has timed out.
    Silent,
    /// The message is accepted, but a gateway in front of the server responds 502.
    BadGateway,
    /// The message is rejected with 403, as if the user had blocked the bot.
    Forbidden,
    /// The message is rejected with 500. As the standing mode, this applies to every other request, too.
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
