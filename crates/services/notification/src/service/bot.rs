//! The bot: answers `/start`, once; one replica at a time, by a lease.

use std::{sync::Arc, time::Duration};

use platform::{lease::Lease, retry};
use tokio_util::sync::CancellationToken;

use super::Templates;
use crate::{
    client::{BotApi, Incoming},
    model::MessengerError,
    repository::Offsets,
};

/// Longer than a long poll for updates.
const LEASE: Duration = Duration::from_secs(40);
/// How often a replica without the lease tries to acquire it.
const POLL: Duration = Duration::from_secs(5);
/// How often a reply is retried; after that, the user must repeat the command.
const REPLY_RETRIES: usize = 3;

pub struct Bot {
    pub api: Arc<dyn BotApi>,
    pub offsets: Arc<dyn Offsets>,
    pub lease: Arc<dyn Lease>,
    pub templates: Templates,
}

impl Bot {
    /// Answers commands until `stop`.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut pauses = retry::endless_backoff();
        loop {
            let pause = tokio::select! {
                outcome = self.answer() => match outcome {
                    Ok(true) => {
                        pauses = retry::endless_backoff();
                        continue;
                    }
                    Ok(false) => POLL,
                    Err(error) => {
                        tracing::warn!(error = format!("{error:#}"), "bot updates unavailable, retrying");
                        pauses.next().unwrap_or(POLL)
                    }
                },
                () = stop.cancelled() => return Ok(()),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Answers the updates since the stored offset. False when another replica has the lease.
    ///
    /// The offset is advanced before the reply: a crash in between costs a reply, but no command is answered twice.
    async fn answer(&self) -> anyhow::Result<bool> {
        if self.lease.acquire(LEASE).await?.is_none() {
            return Ok(false);
        }
        let from = self.offsets.next(self.api.name()).await?;
        for update in self.api.updates(from).await? {
            let fresh = self.offsets.advance(self.api.name(), update.id + 1).await?;
            if let Some(message) = update.message.filter(|message| fresh && is_start(&message.text)) {
                self.reply_to_start(&message).await?;
            }
        }
        Ok(true)
    }

    async fn reply_to_start(&self, message: &Incoming) -> anyhow::Result<()> {
        let text = self.templates.start(&message.chat, &message.first_name)?;
        let mut pauses = retry::endless_backoff().take(REPLY_RETRIES);
        while let Err(error) = self.api.reply(&message.chat, &text).await {
            let may_retry = !matches!(error, MessengerError::Rejected(_) | MessengerError::Unknown(_));
            let Some(pause) = pauses.next().filter(|_| may_retry) else {
                tracing::warn!(%error, "reply to /start failed");
                return Ok(());
            };
            tokio::time::sleep(pause).await;
        }
        metrics::counter!("greetings_total").increment(1);
        Ok(())
    }
}

/// `/start`, `/start payload`, `/start@some_bot`.
fn is_start(text: &str) -> bool {
    text.split_whitespace().next().is_some_and(|word| word.split('@').next() == Some("/start"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_is_recognized_in_all_its_forms() {
        for text in ["/start", "/start abc", "/start@shipyard_bot", " /start\n"] {
            assert!(is_start(text), "{text}");
        }
        for text in ["", "start", "/started", "hello /start", "@/start"] {
            assert!(!is_start(text), "{text}");
        }
    }
}
