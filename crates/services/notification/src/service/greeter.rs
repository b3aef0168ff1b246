//! The greeter: answers `/start`, once; one greeter per database.

use std::{sync::Arc, time::Duration};

use platform::{lease::Lease, retry};
use tokio_util::sync::CancellationToken;

use super::Templates;
use crate::{
    client::{Bot, Incoming},
    model::Fault,
    repository::Offsets,
};

/// Longer than a question for updates may be held open.
const LEASE: Duration = Duration::from_secs(40);
/// How often a greeter without the lease asks for it.
const POLL: Duration = Duration::from_secs(5);
/// How often an answer is tried again; then the user must say it again.
const REPLIES: usize = 3;

pub struct Greeter {
    pub bot: Arc<dyn Bot>,
    pub offsets: Arc<dyn Offsets>,
    pub lease: Arc<dyn Lease>,
    pub templates: Templates,
}

impl Greeter {
    /// Answers until `stop`.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut pauses = retry::patient();
        loop {
            let pause = tokio::select! {
                outcome = self.answer() => match outcome {
                    Ok(true) => {
                        pauses = retry::patient();
                        continue;
                    }
                    Ok(false) => POLL,
                    Err(error) => {
                        tracing::warn!(error = format!("{error:#}"), "the bot cannot be listened to and is asked again");
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

    /// Answers what was said since the last time. False when another replica does that.
    ///
    /// An update counts as looked at before it is answered: a crash in between costs an answer, and nobody gets two.
    async fn answer(&self) -> anyhow::Result<bool> {
        if self.lease.acquire(LEASE).await?.is_none() {
            return Ok(false);
        }
        let from = self.offsets.next(self.bot.name()).await?;
        for update in self.bot.updates(from).await? {
            let fresh = self.offsets.advance(self.bot.name(), update.id + 1).await?;
            if let Some(message) = update.message.filter(|message| fresh && is_start(&message.text)) {
                self.greet(&message).await?;
            }
        }
        Ok(true)
    }

    async fn greet(&self, message: &Incoming) -> anyhow::Result<()> {
        let text = self.templates.start(&message.chat, &message.first_name)?;
        let mut pauses = retry::patient().take(REPLIES);
        while let Err(fault) = self.bot.reply(&message.chat, &text).await {
            let Some(pause) = pauses.next().filter(|_| !matches!(fault, Fault::Refused(_) | Fault::Unknown(_))) else {
                tracing::warn!(%fault, "a greeting is given up");
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
    fn start_is_known_in_all_its_forms() {
        for text in ["/start", "/start abc", "/start@shipyard_bot", " /start\n"] {
            assert!(is_start(text), "{text}");
        }
        for text in ["", "start", "/started", "hello /start", "@/start"] {
            assert!(!is_start(text), "{text}");
        }
    }
}
