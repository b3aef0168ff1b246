//! The messages of a bot's chats, in both directions, and the responses to them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

/// How the stand-in responds to a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TelegramMode {
    /// The message is accepted.
    #[default]
    Well,
    /// The message is rejected with 429.
    TooMany {
        /// The seconds for which the bot must wait.
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub chat: String,
    pub text: String,
    pub at: Instant,
}

#[derive(Default)]
pub(super) struct Chats {
    pub modes: Modes,
    pub sent: Vec<Sent>,
    pub refused: Vec<Sent>,
    /// Until when messages to a chat are rejected with 429; `None` stands for the whole bot.
    pub limits: HashMap<Option<String>, Instant>,
    /// The supergroup of each upgraded group.
    pub upgraded: HashMap<String, i64>,
    /// The number of messages to upgraded groups.
    pub moved: usize,
    /// The number of times that each mode was applied.
    pub met: HashMap<TelegramMode, usize>,
    /// Notified by each message to the bot and each getUpdates request.
    pub news: watch::Sender<()>,
    /// The number of getUpdates requests that arrived.
    pub polls: u64,
    updates: Vec<(i64, Value)>,
    last_update: i64,
}

/// The chats, shared by the API and the test.
#[derive(Clone, Default)]
pub(super) struct SharedChats(Arc<Mutex<Chats>>);

impl SharedChats {
    pub fn lock(&self) -> MutexGuard<'_, Chats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chats {
    /// Accepts a message from the bot. Returns its id.
    pub fn take(&mut self, chat: String, text: String) -> usize {
        self.sent.push(Sent { chat, text, at: Instant::now() });
        self.sent.len()
    }

    /// Records a message that is rejected permanently.
    pub fn refuse(&mut self, chat: String, text: String) {
        self.refused.push(Sent { chat, text, at: Instant::now() });
    }

    /// Returns for how long the chat, or the whole bot, is limited.
    pub fn limited(&self, chat: &str) -> Option<Duration> {
        let limits = [None, Some(chat.to_owned())].into_iter().filter_map(|limit| self.limits.get(&limit));
        let left = limits.max()?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    pub fn next_mode(&mut self) -> TelegramMode {
        let mode = self.modes.next();
        *self.met.entry(mode).or_default() += 1;
        mode
    }

    pub fn say(&mut self, chat: i64, first_name: &str, text: &str) {
        self.last_update += 1;
        let message = json!({
            "message_id": self.last_update,
            "from": { "id": chat, "is_bot": false, "first_name": first_name },
            "chat": { "id": chat, "type": "private", "first_name": first_name },
            "text": text,
        });
        self.updates.push((self.last_update, json!({ "update_id": self.last_update, "message": message })));
        self.news.send_replace(());
    }

    /// Returns the updates from `offset` on. This acknowledges and removes earlier ones.
    pub fn updates(&mut self, offset: i64) -> Vec<Value> {
        self.updates.retain(|(id, _)| *id >= offset);
        self.updates.iter().map(|(_, update)| update.clone()).collect()
    }
}
