//! The bot's replies. No chat holds up the replies to others: a reply that the messenger postpones waits beside the bot's loop, and a chat
//! gets only once in a while what it can ask for without end.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use platform::retry;
use tokio::{task::JoinSet, time::Instant};

use crate::{client::BotApi, model::MessengerError};

/// The maximum number of retries of a reply while the messenger is unreachable. After that, the user must repeat the command.
const MAX_RETRIES: usize = 3;
/// The minimum time between two repeatable replies of one name to a chat.
const REPEAT_AFTER: Duration = Duration::from_secs(10);
/// The maximum number of repeatable replies that are remembered. One that is forgotten may be sent again at once.
const MAX_REMEMBERED: u64 = 10_000;
/// The longest pause that a reply waits for if the messenger asks for it.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// The maximum number of replies that wait for the end of such a pause.
const MAX_WAITING: usize = 32;

pub struct Replies {
    api: Arc<dyn BotApi>,
    /// The time from which each chat may get the repeatable reply of a name again.
    next: Cache<(String, &'static str), Instant>,
    waiting: JoinSet<()>,
}

impl Replies {
    pub fn new(api: Arc<dyn BotApi>) -> Self {
        Self { api, next: Cache::new(MAX_REMEMBERED), waiting: JoinSet::new() }
    }

    /// Sends a reply that a chat can ask for without end, unless the chat got the reply of this name a moment ago. Returns true if it was
    /// sent.
    pub async fn send_repeatable(&self, chat: &str, name: &'static str, text: &str) -> bool {
        let key = (chat.to_owned(), name);
        if self.next.get(&key).is_some_and(|next| Instant::now() < next) {
            return false;
        }
        self.next.insert(key.clone(), Instant::now() + REPEAT_AFTER);
        let outcome = reply(&*self.api, chat, text).await;
        if let Err(MessengerError::RateLimited(pause)) = outcome {
            // A call during the pause would prolong the limit.
            self.next.insert(key, Instant::now() + pause.max(REPEAT_AFTER));
        }
        is_sent(&outcome)
    }

    /// Sends a reply that the user cannot ask for again. If the messenger asks for a pause, the reply is sent once more after it, beside
    /// the caller.
    pub async fn send_or_wait(&mut self, chat: &str, text: &str) {
        while self.waiting.try_join_next().is_some() {}
        match reply(&*self.api, chat, text).await {
            Err(MessengerError::RateLimited(pause)) if pause <= MAX_PAUSE && self.waiting.len() < MAX_WAITING => {
                let (api, chat, text) = (self.api.clone(), chat.to_owned(), text.to_owned());
                self.waiting.spawn(async move {
                    tokio::time::sleep(pause).await;
                    is_sent(&reply(&*api, &chat, &text).await);
                });
            }
            outcome => {
                is_sent(&outcome);
            }
        }
    }

    /// Waits until no reply waits.
    pub async fn finish(mut self) {
        while self.waiting.join_next().await.is_some() {}
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

/// Returns true if the reply was sent. Logs the error otherwise.
fn is_sent(outcome: &Result<(), MessengerError>) -> bool {
    if let Err(error) = outcome {
        tracing::warn!(%error, "reply to a command failed");
    }
    outcome.is_ok()
}
