//! Checks where a consumer continues: positions of a topic that was deleted and created again are not trusted, and
//! records that expired before they were read are counted.
//!
//! librdkafka keeps the old position in a topic that was created again, if the new topic has as many records. If the
//! position has expired, it starts at the first remaining record. It only logs both, so this module reads its log.

use std::sync::{Mutex, PoisonError};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaResult,
};
use tokio::sync::mpsc;

/// librdkafka's text of an unknown topic id.
const UNKNOWN: &str = "AAAAAAAAAAAAAAAAAAAAAA";
/// The time limit for requesting committed offsets, during which a rebalance waits.
const REQUEST_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

/// A position at which the topic has no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reset {
    pub partition: i32,
    pub position: i64,
}

/// The positions in a consumer's topic, as librdkafka's log reports them.
pub(super) struct Positions {
    group: &'static str,
    topic: String,
    /// The topic's id, in librdkafka's text form. Empty until librdkafka has logged it.
    id: Mutex<String>,
    resets: mpsc::Sender<Reset>,
}

/// What a log line reports.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Noted {
    Nothing,
    /// The topic was deleted and created again.
    OtherTopic,
}

impl Positions {
    pub fn new(group: &'static str, topic: &str, resets: mpsc::Sender<Reset>) -> Self {
        Self { group, topic: topic.to_owned(), id: Mutex::default(), resets }
    }

    pub fn topic_id(&self) -> String {
        self.id.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads a line of librdkafka's log.
    pub fn note(&self, facility: &str, line: &str) -> Noted {
        if facility == "OFFSET"
            && let Some(reset) = reset(line)
        {
            // While the channel is full, only librdkafka logs resets.
            let _ = self.resets.try_send(reset);
        }
        if facility == "METADATA"
            && let Some((before, now)) = change(line, &self.topic)
        {
            now.clone_into(&mut self.id.lock().unwrap_or_else(PoisonError::into_inner));
            if before != UNKNOWN {
                return Noted::OtherTopic;
            }
        }
        Noted::Nothing
    }

    /// Makes partitions start at the beginning if their committed offset belongs to an earlier topic of the same name.
    /// Offsets without an id are trusted, and are committed again with the id.
    pub fn check<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        assigned: &mut TopicPartitionList,
    ) -> KafkaResult<()> {
        let id = self.topic_id();
        if id.is_empty() || assigned.count() == 0 {
            return Ok(());
        }
        let committed = consumer.committed_offsets(assigned.clone(), REQUEST_TIMEOUT)?;
        let mut adopted = TopicPartitionList::new();
        for element in committed.elements() {
            let (partition, Offset::Offset(position)) = (element.partition(), element.offset()) else { continue };
            match element.metadata() {
                known if known == id => {}
                "" => {
                    let mut element = adopted.add_partition(&self.topic, partition);
                    element.set_offset(Offset::Offset(position))?;
                    element.set_metadata(&id);
                }
                _ => {
                    self.restart(partition, position);
                    assigned.set_partition_offset(&self.topic, partition, Offset::Beginning)?;
                }
            }
        }
        if adopted.count() > 0 {
            consumer.commit(&adopted, rdkafka::consumer::CommitMode::Async)?;
        }
        Ok(())
    }

    fn restart(&self, partition: i32, position: i64) {
        let (group, topic) = (self.group, &self.topic);
        metrics::counter!("kafka_positions_reset_total", "group" => group).increment(1);
        tracing::warn!(
            group,
            topic,
            partition,
            position,
            "the topic was deleted and created again: its position is not trusted, and it is read from the beginning"
        );
    }

    /// Reports a position without a record. `start` is the partition's first offset.
    pub fn report(&self, Reset { partition, position }: Reset, start: i64) {
        let (group, topic) = (self.group, &self.topic);
        if let Ok(missed @ 1..) = u64::try_from(start - position) {
            metrics::counter!("kafka_records_missed_total", "group" => group).increment(missed);
            tracing::error!(
                group,
                topic,
                partition,
                position,
                start,
                missed,
                "records expired before they were read; the audit names the events"
            );
        } else {
            self.restart(partition, position);
        }
    }
}

/// Parses `orders [2]: offset reset (at offset 17 (leader epoch 0), broker 1) to …`.
fn reset(line: &str) -> Option<Reset> {
    let (before, after) = line.split_once("]: offset reset (at offset ")?;
    let partition = before.rsplit_once('[')?.1.parse().ok()?;
    let digits = after.find(|character: char| !character.is_ascii_digit())?;
    Some(Reset { partition, position: after[..digits].parse().ok()? })
}

/// Parses `Topic orders changed id from … to …`. Returns both ids.
fn change<'l>(line: &'l str, topic: &str) -> Option<(&'l str, &'l str)> {
    let (_, line) = line.split_once("Topic ")?;
    line.strip_prefix(topic)?.strip_prefix(" changed id from ")?.split_once(" to ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_librdkafka_are_understood() {
        let line = "[thrd:main]: shop.orders [2]: offset reset (at offset 17 (leader epoch 0), broker 1) to cached \
                    BEGINNING offset 40 (leader epoch -1): fetch failed";
        assert_eq!(reset(line), Some(Reset { partition: 2, position: 17 }));
        assert_eq!(reset("orders [2]: offset reset (at offset END (leader epoch 0), broker 1)"), None);

        let line = "[thrd:main]: Topic orders changed id from AAAAAAAAAAAAAAAAAAAAAA to zE1rC0KFTlm8vyVPsm0oAw";
        assert_eq!(change(line, "orders"), Some((UNKNOWN, "zE1rC0KFTlm8vyVPsm0oAw")));
        assert_eq!(change(line, "order"), None);
    }

    #[test]
    fn a_topic_that_has_another_id_than_before_is_another_topic() {
        let (resets, _kept) = mpsc::channel(1);
        let positions = Positions::new("notes", "orders", resets);
        let line = |before: &str, now: &str| format!("Topic orders changed id from {before} to {now}");

        assert_eq!(positions.note("METADATA", &line(UNKNOWN, "a")), Noted::Nothing);
        assert_eq!(positions.topic_id(), "a");
        assert_eq!(positions.note("METADATA", &line("a", "b")), Noted::OtherTopic);
        assert_eq!(positions.topic_id(), "b");
    }
}
