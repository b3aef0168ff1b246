//! The bot's replies. A chat gets each one at most once per [`REPLY_INTERVAL`], so that no chat delays the replies to
//! others.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use platform::retry;
use tokio::time::Instant;

use crate::{client::BotApi, model::MessengerError};

/// The maximum number of retries of a reply while the messenger is unreachable. After that, the user must repeat the
/// command.
const MAX_RETRIES: usize = 3;
/// A chat gets the same reply at most once in this time.
const REPLY_INTERVAL: Duration = Duration::from_secs(10);
/// The maximum number of recorded replies. An evicted one may be sent again at once.
const MAX_RECORDED: u64 = 10_000;

pub struct Replies {
    api: Arc<dyn BotApi>,
    /// The time from which a reply may be sent again, by chat and name of the reply.
    sent: Cache<(String, &'static str), Instant>,
}

impl Replies {
    pub fn new(api: Arc<dyn BotApi>) -> Self {
        Self { api, sent: Cache::new(MAX_RECORDED) }
    }

    /// Sends a reply unless the chat got the reply of this name in the last [`REPLY_INTERVAL`], or the messenger limits
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
            Ok(()) => self.sent.insert(key, Instant::now() + REPLY_INTERVAL),
            // A call during the delay would prolong the limit.
            Err(MessengerError::RateLimited(delay)) => {
                self.sent.insert(key, Instant::now() + delay.max(REPLY_INTERVAL));
            }
            // The user, who has probably got nothing, may ask again at once.
            Err(_) => {}
        }
        outcome.is_ok()
    }
}

/// Sends a reply, and retries while the messenger is unreachable.
async fn reply(api: &dyn BotApi, chat: &str, text: &str) -> Result<(), MessengerError> {
    let mut outcome = api.reply(chat, text).await;
    for delay in retry::endless_backoff().take(MAX_RETRIES) {
        if !matches!(outcome, Err(MessengerError::Unreachable(_))) {
            break;
        }
        tokio::time::sleep(delay).await;
        outcome = api.reply(chat, text).await;
    }
    outcome
}
