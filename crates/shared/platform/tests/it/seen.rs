//! A consumer's handler that shows what it was given.

use async_trait::async_trait;
use platform::kafka::{Failure, Handler, Message};
use tokio::sync::mpsc;

/// Passes on each message's payload.
pub struct Seen(pub mpsc::UnboundedSender<Vec<u8>>);

#[async_trait]
impl Handler for Seen {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let _ = self.0.send(message.payload.clone());
        Ok(())
    }
}
