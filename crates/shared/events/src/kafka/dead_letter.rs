//! Handles one message until it succeeds. Transient failures are retried in place; poison messages are dead-lettered,
//! with the metadata to replay them byte for byte, by a producer of their own.

use std::{panic::AssertUnwindSafe, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use futures::FutureExt as _;
use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    Config, Consumer, ExactRecord, Failure, HEADER_EVENT_TYPE, Headers, KafkaPublisher, Message,
    close::drop_in_background, dead_letter_topic, is_too_large,
};

pub const HEADER_TOPIC: &str = "dlq-origin-topic";
/// The id of the cluster, and the time at which the record was published, in RFC 3339. They distinguish the record from
/// one at the same offset in a topic that was created again.
pub const HEADER_CLUSTER: &str = "dlq-origin-cluster";
pub const HEADER_PUBLISHED_AT: &str = "dlq-origin-published-at";
pub const HEADER_PARTITION: &str = "dlq-origin-partition";
pub const HEADER_OFFSET: &str = "dlq-origin-offset";
/// The consumer group that could not handle the message.
pub const HEADER_GROUP: &str = "dlq-origin-group";
pub const HEADER_ERROR: &str = "dlq-error";
pub const HEADER_ATTEMPTS: &str = "dlq-attempts";
/// When the message was dead-lettered, in RFC 3339.
pub const HEADER_FAILED_AT: &str = "dlq-failed-at";
/// The number of the original headers, which come first, in order.
pub const HEADER_ORIGINALS: &str = "dlq-origin-headers";

/// How many payload bytes were omitted because the dead-letter topic does not accept a record of this size.
pub const HEADER_LEFT_OUT: &str = "dlq-left-out-bytes";

/// The headers that an abridged dead letter keeps.
const ABRIDGED_HEADERS: [&str; 11] = [
    HEADER_TOPIC,
    HEADER_CLUSTER,
    HEADER_PUBLISHED_AT,
    HEADER_PARTITION,
    HEADER_OFFSET,
    HEADER_GROUP,
    HEADER_ERROR,
    HEADER_ATTEMPTS,
    HEADER_FAILED_AT,
    outbox::HEADER_EVENT_UUID,
    HEADER_EVENT_TYPE,
];

/// The maximum bytes of the key and of each header of an abridged dead letter.
const MAX_ABRIDGED_LENGTH: usize = 1024;

impl Consumer {
    pub(super) async fn dead_letter(&self, message: &Message, problem: &str, attempts: u32) -> anyhow::Result<()> {
        tracing::error!(
            group = self.group,
            topic = message.topic,
            partition = message.partition,
            offset = message.offset,
            problem,
            "message dead-lettered: it cannot be handled"
        );
        let letter = dead_letter(message, self.group, problem, attempts);
        let publisher = self.dead_letters.publisher(&self.config).await?;
        match publisher.publish_exact(&letter).await {
            // The original was compressed, so it fitted its topic. Without abridging, this record would block its
            // partition permanently.
            Err(error) if is_too_large(&error) => publisher.publish_exact(&abridged(letter)).await?,
            outcome => outcome?,
        }
        metrics::counter!("kafka_dead_letters_total", "group" => self.group).increment(1);
        Ok(())
    }
}

/// Returns the value of a header that the consumer added to a dead letter. Headers of the original do not count:
/// programs outside may have given them the same names.
pub fn added<'a>(letter: &'a Message, name: &str) -> Option<&'a str> {
    letter.headers.after(originals(letter)).filter(|(known, _)| *known == name).last().map(|(_, text)| text)
}

/// Returns the number of a dead letter's first headers that are the original's. An abridged letter has none.
fn originals(letter: &Message) -> usize {
    letter.headers.get(HEADER_ORIGINALS).and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// Restores the original message of a dead letter, for the original `topic`.
pub fn original(letter: Message, topic: String) -> ExactRecord {
    let count = originals(&letter);
    let all = letter.headers.iter().map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)));
    let headers = all.take(count).collect();
    ExactRecord { topic, headers, ..exact(letter) }
}

fn exact(message: Message) -> ExactRecord {
    let Message { topic, key, payload, headers, absent, .. } = message;
    let present = |bytes, absent| if absent { None } else { Some(bytes) };
    ExactRecord { topic, key: present(key, absent.key), payload: present(payload, absent.payload), headers }
}

/// Builds the dead letter: the original message with its headers, then headers with origin and error.
fn dead_letter(message: &Message, group: &str, error: &str, attempts: u32) -> ExactRecord {
    let mut letter = ExactRecord { topic: dead_letter_topic(&message.topic), ..exact(message.clone()) };
    let own = [
        (HEADER_TOPIC, message.topic.clone()),
        (HEADER_CLUSTER, message.cluster.clone()),
        (HEADER_PUBLISHED_AT, message.published_at.map(|at| at.to_rfc3339()).unwrap_or_default()),
        (HEADER_PARTITION, message.partition.to_string()),
        (HEADER_OFFSET, message.offset.to_string()),
        (HEADER_GROUP, group.to_owned()),
        (HEADER_ERROR, error.to_owned()),
        (HEADER_ATTEMPTS, attempts.to_string()),
        (HEADER_FAILED_AT, base::clock::now().to_rfc3339()),
        (HEADER_ORIGINALS, message.headers.len().to_string()),
    ];
    for (name, value) in own {
        letter.headers.push_text(name, value);
    }
    letter
}

/// Abridges a dead letter that is too large for its topic: keeps origin, error and type, and drops the payload. The
/// original topic still has the complete message.
fn abridged(letter: ExactRecord) -> ExactRecord {
    let ExactRecord { topic, mut key, payload, headers } = letter;
    if let Some(key) = &mut key {
        key.truncate(MAX_ABRIDGED_LENGTH);
    }
    let mut kept = Headers::default();
    for name in ABRIDGED_HEADERS {
        if let Some(text) = headers.get(name) {
            kept.push_text(name, &text[..text.floor_char_boundary(MAX_ABRIDGED_LENGTH)]);
        }
    }
    kept.push_text(HEADER_LEFT_OUT, payload.map_or(0, |payload| payload.len()).to_string());
    ExactRecord { topic, key, payload: Some(Vec::new()), headers: kept }
}

/// The producer is closed after this time without a dead letter.
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

/// A message is dead-lettered after this number of consecutive panics of its handler. A panic is a defect of this
/// build: without this limit, all later events of the partition would wait for the next build, which can replay a dead
/// letter.
const MAX_PANICS: u32 = 6;

impl Consumer {
    /// Handles a message, with retries, or dead-letters it. Returns false if `closed` was cancelled before either
    /// succeeded.
    pub(super) async fn handle_or_dead_letter(&self, message: &Message, closed: &CancellationToken) -> bool {
        let mut backoff = backoff();
        let (mut attempts, mut panics) = (0, 0);
        loop {
            attempts += 1;
            let start = tokio::time::Instant::now();
            let failure = match AssertUnwindSafe(self.handler.handle(message)).catch_unwind().await {
                Ok(Ok(())) => {
                    self.handled(message, start);
                    return true;
                }
                Ok(Err(failure)) => {
                    panics = 0;
                    failure
                }
                Err(_) => {
                    panics += 1;
                    self.panicked(message, panics)
                }
            };
            match failure {
                Failure::Poison(problem) => match self.dead_letter(message, &problem, attempts).await {
                    Ok(()) => return true,
                    Err(error) => tracing::warn!(
                        group = self.group,
                        error = format!("{error:#}"),
                        "dead-letter topic unavailable, retrying"
                    ),
                },
                Failure::Transient(error) => {
                    metrics::counter!("kafka_message_retries_total", "group" => self.group).increment(1);
                    tracing::warn!(
                        group = self.group,
                        attempts,
                        error = format!("{error:#}"),
                        "message failed, retrying"
                    );
                }
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.next().unwrap_or_default()) => {}
                () = closed.cancelled() => return false,
            }
        }
    }

    /// Counts and logs a panic of the handler, and converts it to a failure of the message.
    fn panicked(&self, message: &Message, panics: u32) -> Failure {
        metrics::counter!("kafka_handler_panics_total", "group" => self.group).increment(1);
        let Message { topic, partition, offset, .. } = message;
        tracing::error!(group = self.group, topic, partition, offset, panics, "a handler panicked: a defect");
        if panics < MAX_PANICS {
            Failure::transient(anyhow::anyhow!("its handler panicked: a defect"))
        } else {
            Failure::poison("its handler panicked: a defect")
        }
    }
}

/// Returns the backoff between attempts at one message: from 100 ms, doubling to 2 s, plus up to the same amount of
/// jitter. So a partition continues at most four seconds after the cause is gone.
fn backoff() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(2))
        .without_max_times()
        .with_jitter()
        .build()
}

#[cfg(test)]
mod tests {
    use base::config::Settings;

    use super::*;

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
