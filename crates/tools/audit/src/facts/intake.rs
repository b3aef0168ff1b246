//! Orders of other shops: the records of their topic, and the rows that the intake service stores.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher as _},
};

use chrono::{DateTime, Utc};

/// The facts about the stream of orders.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    /// The number of partitions of the topic that were read.
    pub partitions: usize,
    pub orders: Vec<IntakeOrder>,
    /// The records before the consumer's committed offsets, without those that were skipped.
    pub records: Vec<IntakeRecord>,
    /// The number of records that an operator has skipped, since they cannot be read.
    pub skipped: usize,
    /// The partitions that are not consumed to their end.
    pub unread: Vec<Unread>,
    /// The partitions and offsets of records that are dead letters, or were and are pruned.
    pub letters: HashSet<(i32, i64)>,
    /// The number of pruned dead letters whose records are not known. As many records may not be stored.
    pub letters_pruned: usize,
}

/// The records of a partition after the consumer's committed offset.
#[derive(Clone, Copy, Debug)]
pub struct Unread {
    pub partition: i32,
    pub count: i64,
    /// The number of records that expired before they were read.
    pub expired: i64,
    /// The time of the first record; `None` if it cannot be read.
    pub since: Option<DateTime<Utc>>,
}

/// An order as stored in the tables.
#[derive(Clone, Debug)]
pub struct IntakeOrder {
    pub uid: String,
    /// A digest of the order's content; `None` if the order was erased.
    pub content: Option<u64>,
}

/// A record of the topic.
#[derive(Clone, Debug)]
pub struct IntakeRecord {
    pub partition: i32,
    pub offset: i64,
    /// The order's key and a digest of its content; `None` if the record is not an order.
    pub order: Option<(String, u64)>,
}

/// Computes a digest of an order's content. Digests are compared only within one audit.
pub fn digest(order: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    order.hash(&mut hasher);
    hasher.finish()
}
