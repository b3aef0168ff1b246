//! The log in the place of a messenger, where there is no token for one.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Limits, Message, Notifier, Unavailable, Users};
use crate::model::Fault;

pub struct Log;

/// Each user has a place of his own in it, and nobody is asked for it.
#[async_trait]
impl Users for Log {
    async fn chat(&self, user: Uuid) -> Result<Option<String>, Unavailable> {
        Ok(Some(user.to_string()))
    }
}

#[async_trait]
impl Notifier for Log {
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// A line for each notification, as it would have been sent if nothing else had waited.
    async fn send(&self, message: &Message<'_>) -> Result<(), Fault> {
        for part in message.parts {
            tracing::info!(
                order_uuid = %part.order,
                kind = part.kind.as_str(),
                text = part.text,
                "there is no TELEGRAM_BOT_TOKEN; this would have been sent"
            );
        }
        Ok(())
    }

    async fn probe(&self) -> Result<(), Fault> {
        Ok(())
    }
}
