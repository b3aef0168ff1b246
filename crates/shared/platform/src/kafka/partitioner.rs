//! Computes the partition of a key like librdkafka's partitioner.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The known partition counts of topics.
#[derive(Clone, Debug, Default)]
pub(super) struct Partitions(Arc<Mutex<HashMap<String, u32>>>);

impl Partitions {
    /// Returns the partition that librdkafka's default partitioner, `consistent_random`, gives the key.
    pub fn of(&self, topic: &str, key: &[u8]) -> Option<i32> {
        let count = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(topic).copied()?;
        i32::try_from(crc32fast::hash(key).checked_rem(count)?).ok()
    }

    pub fn set(&self, topic: &str, count: usize) {
        let count = u32::try_from(count).unwrap_or_default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), count);
    }
}
