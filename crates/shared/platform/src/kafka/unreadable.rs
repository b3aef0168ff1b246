//! Partitions whose next batch cannot be decoded: it is corrupt, too large, or compressed with an unknown codec. The
//! consumer waits until an operator repairs or skips the batch.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};

use crate::server::readiness::Condition;

/// The reason for the readiness response.
const REASON: &str = "a batch cannot be read";

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

/// The unreadable partitions of one consumer, and its readiness condition, which also requires that it has joined its
/// group.
pub(super) struct Unreadable {
    group: &'static str,
    topic: String,
    joined: Condition,
    partitions: Mutex<BTreeSet<i32>>,
}

impl Unreadable {
    pub fn new(group: &'static str, topic: &str, joined: Condition) -> Self {
        Self { group, topic: topic.to_owned(), joined, partitions: Mutex::default() }
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
                "a batch cannot be read: its partition waits until it is skipped with `shipyard skip`"
            );
        }
        self.say(&partitions);
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
            self.say(&partitions);
        }
    }

    pub fn joined(&self) {
        self.say(&self.lock());
    }

    fn say(&self, partitions: &BTreeSet<i32>) {
        let count = u32::try_from(partitions.len()).unwrap_or(u32::MAX);
        metrics::gauge!("kafka_unreadable_partitions", "group" => self.group, "topic" => self.topic.clone()).set(count);
        if partitions.is_empty() {
            self.joined.set(true);
        } else {
            self.joined.refuse(REASON);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
