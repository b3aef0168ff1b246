//! A messenger that writes notifications to the log, used when no bot token is configured.

use async_trait::async_trait;
use contracts::ids::UserId;

use super::{Contact, Limits, Message, Notifier, Unavailable, Users};
use crate::model::MessengerError;

pub struct Log;

/// Uses each user's id as their chat, without a call to iam.
#[async_trait]
impl Users for Log {
    async fn contact(&self, user: UserId) -> Result<Option<Contact>, Unavailable> {
        Ok(Some(Contact { chat: user.to_string(), is_confirmed: true }))
    }
}

#[async_trait]
impl Notifier for Log {
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Writes one line per notification, even if the message is a digest of several.
    async fn send(&self, message: &Message<'_>) -> Result<(), MessengerError> {
        for part in message.parts {
            tracing::info!(
                order_uuid = %part.order,
                kind = part.kind.as_str(),
                text = part.text,
                "TELEGRAM_BOT_TOKEN is not set, notification logged instead of sent"
            );
        }
        Ok(())
    }

    async fn probe(&self) -> Result<(), MessengerError> {
        Ok(())
    }
}
