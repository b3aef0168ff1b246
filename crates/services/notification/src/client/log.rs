//! A messenger that writes notifications to the log, used when no bot token is configured.

use async_trait::async_trait;
use contracts::ids::UserId;
use platform::grpc::Unavailable;

use super::{Contact, Limits, Message, Notifier, Users};
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

    async fn send(&self, message: &Message<'_>) -> Result<(), MessengerError> {
        tracing::info!(
            order_uuid = %message.order,
            kind = message.kind.as_str(),
            text = message.text,
            "TELEGRAM_BOT_TOKEN is not set, notification logged instead of sent"
        );
        Ok(())
    }

    async fn probe(&self) -> Result<(), MessengerError> {
        Ok(())
    }
}
