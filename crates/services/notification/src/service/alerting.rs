//! Sends each alert to the operators once when it fires and once when it has resolved.

use std::sync::Arc;

use crate::{
    client::{BotApi, MAX_TEXT_LENGTH},
    error::Error,
    model::{Alert, AlertKey, MessengerError, message},
    repository::{Alerts, Claim},
};

/// Why not all alerts were sent. Alertmanager repeats the call.
#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    #[error(transparent)]
    Storage(#[from] Error),
    #[error("the messenger did not accept the alerts: {0}")]
    Messenger(MessengerError),
    #[error("another call is sending these alerts")]
    Pending,
    #[error("{0} alerts did not fit into the message")]
    More(usize),
}

#[derive(Clone)]
pub struct Alerting {
    alerts: Arc<dyn Alerts>,
    channel: Option<(Arc<dyn BotApi>, String)>,
}

impl Alerting {
    /// `channel` is the messenger and the operators' chat. Without it, alerts are logged.
    pub fn new(alerts: Arc<dyn Alerts>, channel: Option<(Arc<dyn BotApi>, String)>) -> Self {
        Self { alerts, channel }
    }

    /// Sends one message with as many of the unsent alerts as fit. The message also counts the `left_out` alerts that
    /// Alertmanager did not report. After an error, the caller must repeat the call.
    ///
    /// If the messenger does not answer, the reports are sent once more. A report also arrives twice if the process
    /// ends or the database fails right after the messenger has accepted it.
    pub async fn tell(&self, mut alerts: Vec<Alert>, left_out: usize) -> Result<(), NotTold> {
        alerts.sort_by(|one, other| one.key.cmp(&other.key));
        alerts.dedup_by(|one, other| one.key == other.key);
        let claims = self.alerts.claim(&keys(&alerts)).await?;
        let is_pending = claims.contains(&Claim::Pending);
        let ours = alerts.into_iter().zip(claims).filter_map(|(alert, claim)| match claim {
            Claim::Ours { unanswered } => Some((alert, unanswered)),
            Claim::Sent | Claim::Pending => None,
        });
        let (new, unanswered): (Vec<Alert>, Vec<bool>) = ours.unzip();
        let (text, number) = message(&new, left_out, MAX_TEXT_LENGTH);
        let (told, rest) = new.split_at(number);
        if !rest.is_empty() {
            // Alertmanager's next call claims them again.
            self.alerts.release(&keys(rest), false).await?;
        }
        if !told.is_empty() {
            match self.send(&text).await {
                Ok(()) => self.alerts.sent(&keys(told)).await?,
                Err(error @ MessengerError::Unknown(_)) => {
                    let (mut last_attempts, mut first_attempts) = (Vec::new(), Vec::new());
                    for (alert, unanswered) in told.iter().zip(unanswered) {
                        if unanswered { &mut last_attempts } else { &mut first_attempts }.push(alert.key.clone());
                    }
                    self.alerts.sent(&last_attempts).await?;
                    self.alerts.release(&first_attempts, true).await?;
                    if !first_attempts.is_empty() {
                        return Err(NotTold::Messenger(error));
                    }
                }
                Err(error) => {
                    self.alerts.release(&keys(told), false).await?;
                    return Err(NotTold::Messenger(error));
                }
            }
        }
        if !rest.is_empty() {
            return Err(NotTold::More(rest.len()));
        }
        if is_pending { Err(NotTold::Pending) } else { Ok(()) }
    }

    async fn send(&self, text: &str) -> Result<(), MessengerError> {
        let Some((messenger, chat)) = &self.channel else {
            tracing::warn!(text, "alert logged, since TELEGRAM_BOT_TOKEN or TELEGRAM_CHAT_ID is not set");
            return Ok(());
        };
        messenger.reply(chat, text).await
    }
}

fn keys(alerts: &[Alert]) -> Vec<AlertKey> {
    alerts.iter().map(|alert| alert.key.clone()).collect()
}
