//! The producer of a consumer's dead letters.

use std::time::Duration;

use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};

use super::{Config, KafkaPublisher, background_drop::drop_in_background};

/// The time without a dead letter after which the producer is closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// Creates the producer for the first dead letter, and closes it when no others follow, since poison messages are rare.
/// A producer per letter would be slow if a defective program publishes thousands of poison messages.
#[derive(Default)]
pub(super) struct DeadLetterProducer {
    publisher: Mutex<Option<KafkaPublisher>>,
    /// When the producer was last used. `None` while there is no producer.
    used: watch::Sender<Option<Instant>>,
}

impl DeadLetterProducer {
    pub async fn publisher(&self, config: &Config) -> anyhow::Result<KafkaPublisher> {
        let mut publisher = self.publisher.lock().await;
        let publisher = match &*publisher {
            Some(publisher) => publisher.clone(),
            None => publisher.insert(KafkaPublisher::new(config)?).clone(),
        };
        self.used.send_replace(Some(Instant::now()));
        Ok(publisher)
    }

    /// Waits until there is a producer and it has been unused for [`IDLE_TIMEOUT`], then closes it.
    pub async fn close_idle(&self) {
        let mut used = self.used.subscribe();
        loop {
            let last = *used.borrow_and_update();
            match last {
                None => drop(used.changed().await),
                Some(last) if tokio::time::timeout_at(last + IDLE_TIMEOUT, used.changed()).await.is_err() => break,
                Some(_) => {}
            }
        }
        let closed = self.publisher.lock().await.take();
        self.used.send_replace(None);
        drop_in_background(closed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[tokio::test(start_paused = true)]
    async fn the_producer_is_kept_while_dead_letters_come_and_closed_a_minute_after_the_last() {
        let config: Config = Settings::from_variables([("KAFKA_BROKERS", "127.0.0.1:9".to_owned())]).read().unwrap();
        let producer = DeadLetterProducer::default();
        let is_open = async || producer.publisher.lock().await.is_some();

        for _ in 0..3 {
            producer.publisher(&config).await.unwrap();
            assert!(tokio::time::timeout(IDLE_TIMEOUT / 2, producer.close_idle()).await.is_err());
            assert!(is_open().await);
        }
        producer.close_idle().await;

        assert!(!is_open().await);
        assert!(
            tokio::time::timeout(IDLE_TIMEOUT * 2, producer.close_idle()).await.is_err(),
            "there is nothing to close"
        );
    }
}
