//! The bot's replies. No chat holds up the replies to others: a reply that the messenger postpones waits beside the bot's loop, and a chat
//! gets only a few times in a while what it can ask for without end.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use platform::retry;
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{client::BotApi, model::MessengerError};

/// The maximum number of retries of a reply while the messenger is unreachable. After that, the user must repeat the command.
const MAX_RETRIES: usize = 3;
/// The window in which a chat gets a repeatable reply of one name a limited number of times.
const REPEAT_WINDOW: Duration = Duration::from_secs(10);
/// The maximum number of repeatable replies that are remembered. One that is forgotten may be sent again at once.
const MAX_REMEMBERED: u64 = 10_000;
/// The longest pause that a reply waits for if the messenger asks for it.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// The maximum number of replies that wait for the end of such a pause.
const MAX_WAITING: usize = 32;

pub struct Replies {
    api: Arc<dyn BotApi>,
    repeats: Cache<(String, &'static str), Repeats>,
    waiting: JoinSet<()>,
    stop: CancellationToken,
}

/// The repeatable replies of one name that a chat got in the window that ends at `until`.
#[derive(Clone, Copy)]
struct Repeats {
    until: Instant,
    count: u32,
}

impl Replies {
    pub fn new(api: Arc<dyn BotApi>, stop: CancellationToken) -> Self {
        Self { api, repeats: Cache::new(MAX_REMEMBERED), waiting: JoinSet::new(), stop }
    }

    /// Sends a reply that a chat can ask for without end, unless the chat got the reply of this name `max` times in the
    /// window. Returns true if it was sent.
    pub async fn send_repeatable(&self, chat: &str, name: &'static str, max: u32, text: &str) -> bool {
        let (key, now) = ((chat.to_owned(), name), Instant::now());
        let known = self.repeats.get(&key).filter(|known| now < known.until);
        let Repeats { until, count } = known.unwrap_or(Repeats { until: now + REPEAT_WINDOW, count: 0 });
        if count >= max {
            return false;
        }
        let outcome = reply(&*self.api, chat, text).await;
        match &outcome {
            Ok(()) => self.repeats.insert(key, Repeats { until, count: count + 1 }),
            Err(MessengerError::RateLimited(pause)) => {
                // A call during the pause would prolong the limit.
                let until = Instant::now() + (*pause).max(REPEAT_WINDOW);
                self.repeats.insert(key, Repeats { until, count: max });
            }
            // The user, who has probably got nothing, may ask again at once.
            Err(_) => {}
        }
        log_failure(&outcome);
        outcome.is_ok()
    }

    /// Sends a reply that the user cannot ask for again. If the messenger asks for a pause, the reply is sent once more
    /// after it, or at a stop, beside the caller.
    pub async fn send_or_wait(&mut self, chat: &str, text: &str) {
        while self.waiting.try_join_next().is_some() {}
        match reply(&*self.api, chat, text).await {
            Err(MessengerError::RateLimited(pause)) if pause <= MAX_PAUSE && self.waiting.len() < MAX_WAITING => {
                let (api, stop) = (self.api.clone(), self.stop.clone());
                let (chat, text) = (chat.to_owned(), text.to_owned());
                self.waiting.spawn(async move {
                    let outcome = match stop.run_until_cancelled(tokio::time::sleep(pause)).await {
                        Some(()) => reply(&*api, &chat, &text).await,
                        // The replica has no time for retries.
                        None => api.reply(&chat, &text).await,
                    };
                    log_failure(&outcome);
                });
            }
            outcome => log_failure(&outcome),
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

fn log_failure(outcome: &Result<(), MessengerError>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "reply to a command failed");
    }
}
