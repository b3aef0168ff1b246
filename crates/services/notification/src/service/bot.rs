//! The bot: answers `/start` and codes that confirm contacts, each at most once. A lease lets one replica at a time run
//! it.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use outbox::Lease;
use platform::{jobs::caught, retry};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Templates;
use crate::{
    client::{BotApi, Confirmation, Contacts, Incoming},
    metrics,
    model::MessengerError,
    repository::PgOffsets,
};

/// Longer than a long poll for updates, so that the lease does not expire during one.
const LEASE_TTL: Duration = Duration::from_secs(40);
/// A replica without the lease tries to acquire it once per interval.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// The name of the reply to `/start`.
const GREETING: &str = "greeting";
/// The number of letters and digits of a code that confirms a contact. A text of another length is not a code.
const CODE_LENGTH: usize = 26;

pub struct Bot {
    pub api: Arc<dyn BotApi>,
    pub offsets: PgOffsets,
    pub lease: Arc<dyn Lease>,
    pub templates: Templates,
    pub contacts: Arc<dyn Contacts>,
}

#[derive(Debug, PartialEq, Eq)]
enum Command<'a> {
    Greet,
    /// Confirm this chat as the contact of the user who has this code.
    Confirm(&'a str, i64),
}

impl Bot {
    /// Answers commands until `stop`. Then finishes the command in progress.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let replies = Replies::new(self.api.clone());
        let mut backoff = retry::endless_backoff();
        while !stop.is_cancelled() {
            let delay = match caught(self.answer(&replies, &stop)).await {
                Ok(true) => {
                    backoff = retry::endless_backoff();
                    continue;
                }
                Ok(false) => POLL_INTERVAL,
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "bot updates unavailable, retrying");
                    backoff.next().unwrap_or(POLL_INTERVAL)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }

    /// Answers the updates since the stored offset. Returns false if another replica has the lease.
    ///
    /// The offset is advanced before the reply is sent. A crash in between loses the reply, but no command is answered
    /// twice.
    async fn answer(&self, replies: &Replies, stop: &CancellationToken) -> anyhow::Result<bool> {
        if self.lease.acquire(LEASE_TTL).await?.is_none() {
            return Ok(false);
        }
        let from = self.offsets.next(self.api.name()).await?;
        let updates = tokio::select! {
            updates = self.api.updates(from) => updates?,
            () = stop.cancelled() => return Ok(true),
        };
        for update in updates {
            // The offset does not include the rest of the page, which another replica reads.
            if stop.is_cancelled() {
                break;
            }
            let fresh = self.offsets.advance(self.api.name(), update.id + 1).await?;
            let Some(message) = update.message.filter(|_| fresh) else { continue };
            match command(&message) {
                Some(Command::Greet) => {
                    let text = self.templates.start(&message.chat, &message.first_name)?;
                    if replies.send(&message.chat, GREETING, &text).await {
                        metrics::greeted();
                    }
                }
                Some(Command::Confirm(code, chat)) => {
                    let outcome = self.confirm(code, chat).await;
                    let text = self.templates.contact(outcome, &message.chat)?;
                    replies.send(&message.chat, outcome, &text).await;
                }
                None => {}
            }
        }
        Ok(true)
    }

    /// Returns the outcome's name, which the template uses.
    async fn confirm(&self, code: &str, chat: i64) -> &'static str {
        let outcome = match self.contacts.confirm(code, chat).await {
            Ok(confirmation) => confirmation.as_str(),
            Err(error) => {
                tracing::warn!(%error, "contact code not checked");
                Confirmation::UNAVAILABLE
            }
        };
        metrics::code_checked(outcome);
        outcome
    }
}

/// `/start`, `/start payload` and `/start@some_bot` greet. `/start CODE` and `CODE` confirm a contact, in private chats
/// only.
fn command(message: &Incoming) -> Option<Command<'_>> {
    let words: Vec<&str> = message.text.split_whitespace().take(3).collect();
    let is_start = words.first().is_some_and(|word| word.split('@').next() == Some("/start"));
    let code = match words[..] {
        [_, code] if is_start => Some(code),
        [code] => Some(code),
        _ => None,
    };
    match code.filter(|code| is_code(code)) {
        Some(code) => message.private.map(|chat| Command::Confirm(code, chat)),
        None => is_start.then_some(Command::Greet),
    }
}

/// Checks only the form of a code; iam checks the code itself.
fn is_code(word: &str) -> bool {
    word.len() == CODE_LENGTH && word.bytes().all(|letter| letter.is_ascii_alphanumeric())
}

/// The maximum number of retries of a reply while the messenger is unreachable. After that, the user must send the
/// command again.
const MAX_RETRIES: usize = 3;
/// A chat gets the same reply at most once in this time.
const REPLY_INTERVAL: Duration = Duration::from_secs(10);
/// The maximum number of recorded replies. An evicted one may be sent again at once.
const MAX_RECORDED: u64 = 10_000;

/// Sends replies. A chat gets each one at most once per [`REPLY_INTERVAL`], so that no chat delays the replies to
/// others.
struct Replies {
    api: Arc<dyn BotApi>,
    /// When a reply may be sent again, by chat and name of the reply.
    sent: Cache<(String, &'static str), Instant>,
}

impl Replies {
    fn new(api: Arc<dyn BotApi>) -> Self {
        Self { api, sent: Cache::new(MAX_RECORDED) }
    }

    /// Sends a reply unless the chat got the reply of this name in the last [`REPLY_INTERVAL`], or the messenger limits
    /// it. Returns true if it was sent.
    async fn send(&self, chat: &str, name: &'static str, text: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "0123456789ABCDEFGHJKMNPQRS";

    fn message(text: &str, private: Option<i64>) -> Incoming {
        Incoming { chat: "42".to_owned(), private, first_name: String::new(), text: text.to_owned() }
    }

    #[test]
    fn start_is_recognized_in_all_its_forms() {
        for text in
            ["/start", "/start abc", "/start@shipyard_bot", " /start\n", "/start a b", &format!("/start {CODE}0")]
        {
            for private in [Some(42), None] {
                assert_eq!(command(&message(text, private)), Some(Command::Greet), "{text}");
            }
        }
        for text in ["", "start", "/started", "hello /start", "@/start"] {
            assert_eq!(command(&message(text, Some(42))), None, "{text}");
        }
    }

    #[test]
    fn a_code_is_recognized_in_private_chats_alone() {
        for text in [CODE.to_owned(), format!("/start {CODE}"), format!(" /start@shipyard_bot  {CODE}\n")] {
            assert_eq!(command(&message(&text, Some(42))), Some(Command::Confirm(CODE, 42)), "{text}");
            assert_eq!(command(&message(&text, None)), None, "{text}: in a group");
        }
        for text in [format!("code {CODE}"), format!("{CODE} {CODE}"), format!("{CODE}0"), CODE.replace('0', "-")] {
            assert_eq!(command(&message(&text, Some(42))), None, "{text}");
        }
    }
}
