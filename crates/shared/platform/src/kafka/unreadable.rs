//! Partitions whose next batch cannot be decoded: it is corrupt, too large, or compressed with an unknown codec. The
//! consumer waits until the batch is repaired, or deleted from the topic.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};

/// Returns true if librdkafka cannot decode a batch. It reports the same error again and again.
pub fn cannot_be_decoded(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{
        BadCompression, BadMessage, InvalidMessage, InvalidMessageSize, MessageSizeTooLarge, NotImplemented,
        UnsupportedCompressionType,
    };

    matches!(
        error.rdkafka_error_code(),
        Some(
            BadCompression
                | BadMessage
                | InvalidMessage
                | InvalidMessageSize
                | MessageSizeTooLarge
                | NotImplemented
                | UnsupportedCompressionType
        )
    )
}

/// The unreadable partitions of one consumer.
pub(super) struct Unreadable {
    group: &'static str,
    topic: String,
    partitions: Mutex<BTreeSet<i32>>,
}

impl Unreadable {
    pub fn new(group: &'static str, topic: &str) -> Self {
        let this = Self { group, topic: topic.to_owned(), partitions: Mutex::default() };
        this.export(&BTreeSet::new());
        this
    }

    /// Records that the batch of `partition` at this offset cannot be read.
    pub fn add(&self, partition: i32, offset: i64, error: &KafkaError) {
        let mut partitions = self.lock();
        if partitions.insert(partition) {
            let (group, topic) = (self.group, &self.topic);
            tracing::error!(
                group,
                topic,
                partition,
                offset,
                %error,
                "a batch cannot be read: its partition waits"
            );
        }
        self.export(&partitions);
    }

    /// Records that `partition` is readable again, or that another member reads it.
    pub fn remove(&self, partition: i32) {
        let mut partitions = self.lock();
        if partitions.remove(&partition) {
            let (group, topic) = (self.group, &self.topic);
            tracing::warn!(
                group,
                topic,
                partition,
                "the partition with a batch that cannot be read has recovered or moved"
            );
            self.export(&partitions);
        }
    }

    fn export(&self, partitions: &BTreeSet<i32>) {
        let count = u32::try_from(partitions.len()).unwrap_or(u32::MAX);
        metrics::gauge!("kafka_unreadable_partitions", "group" => self.group, "topic" => self.topic.clone()).set(count);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
