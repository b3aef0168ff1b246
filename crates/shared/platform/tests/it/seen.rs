//! Records without a key, and a consumer that passes on what it receives.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use outbox::Record;
use platform::{
    kafka::{Config, Consumer, Failure, Handler, Message, TopicSubscription},
    server::readiness::Readiness,
};
use testkit::Running;
use tokio::sync::mpsc;

pub fn record(topic: &str, payload: &str) -> Record {
    Record { topic: topic.to_owned(), key: vec![], payload: payload.into(), headers: HashMap::new() }
}

/// A handler that sends the payload of each message to a channel.
struct Seen(mpsc::UnboundedSender<Vec<u8>>);

#[async_trait]
impl Handler for Seen {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let _ = self.0.send(message.payload.clone());
        Ok(())
    }
}

/// Starts a consumer. Returns it, its readiness, and the payloads that it receives.
pub fn consume(
    config: &Config,
    topic: &str,
    group: &'static str,
) -> (Running, Readiness, mpsc::UnboundedReceiver<Vec<u8>>) {
    let readiness = Readiness::default();
    let (sender, seen) = mpsc::unbounded_channel();
    let subscription = TopicSubscription { group, topic: topic.to_owned(), handler: Arc::new(Seen(sender)) };
    let consumer = Consumer::new(config, subscription, readiness.condition(group));
    (testkit::run(|stop| consumer.run(stop)), readiness, seen)
}
