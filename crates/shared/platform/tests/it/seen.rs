//! A consumer's handler that passes on what it receives.

use async_trait::async_trait;
use platform::kafka::{Failure, Handler, Message};
use tokio::sync::mpsc;

/// A handler that sends the payload of each message to a channel.
pub struct Seen(pub mpsc::UnboundedSender<Vec<u8>>);

#[async_trait]
impl Handler for Seen {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let _ = self.0.send(message.payload.clone());
        Ok(())
    }
}
