//! The bot's replies: a chat gets each one once in a while, so that no chat holds up the replies to others.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use platform::retry;
use tokio::time::Instant;

use crate::{client::BotApi, model::MessengerError};

/// The maximum number of retries of a reply while the messenger is unreachable. After that, the user must repeat the
/// command.
const MAX_RETRIES: usize = 3;
/// How long a chat does not get a reply again that it got.
const REPEAT_AFTER: Duration = Duration::from_secs(10);
/// The maximum number of replies that are remembered. One that is forgotten may be sent again at once.
const MAX_REMEMBERED: u64 = 10_000;

pub struct Replies {
    api: Arc<dyn BotApi>,
    /// By chat and name of the reply, when it may be sent again.
    sent: Cache<(String, &'static str), Instant>,
}

impl Replies {
    pub fn new(api: Arc<dyn BotApi>) -> Self {
        Self { api, sent: Cache::new(MAX_REMEMBERED) }
    }

    /// Sends a reply unless the chat got the reply of this name in the last [`REPEAT_AFTER`], or the messenger limits
    /// it. Returns true if it was sent.
    pub async fn send(&self, chat: &str, name: &'static str, text: &str) -> bool {
        let key = (chat.to_owned(), name);
        if self.sent.get(&key).is_some_and(|again| Instant::now() < again) {
            return false;
        }
        let outcome = reply(&*self.api, chat, text).await;
        if let Err(error) = &outcome {
            tracing::warn!(%error, "reply to a command failed");
        }
        match outcome {
            Ok(()) => self.sent.insert(key, Instant::now() + REPEAT_AFTER),
            // A call during the pause would prolong the limit.
            Err(MessengerError::RateLimited(pause)) => self.sent.insert(key, Instant::now() + pause.max(REPEAT_AFTER)),
            // The user, who has probably got nothing, may ask again at once.
            Err(_) => {}
        }
        outcome.is_ok()
    }
}

/// Sends a reply, and retries while the messenger is unreachable.
async fn reply(api: &dyn BotApi, chat: &str, text: &str) -> Result<(), MessengerError> {
    let mut outcome = api.reply(chat, text).await;
    for pause in retry::endless_backoff().take(MAX_RETRIES) {
        if !matches!(outcome, Err(MessengerError::Unreachable(_))) {
            break;
        }
        tokio::time::sleep(pause).await;
        outcome = api.reply(chat, text).await;
    }
    outcome
}
