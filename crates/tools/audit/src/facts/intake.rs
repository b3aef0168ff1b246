//! Orders of other shops: the records of their topic, and the rows that the intake service stores.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher as _},
};

use chrono::{DateTime, Utc};

#[derive(Clone, Debug, Default)]
pub struct Intake {
    /// The number of partitions of the topic that were read.
    pub partitions: usize,
    pub orders: Vec<IntakeOrder>,
    /// The records before the consumer's committed offsets.
    pub records: Vec<IntakeRecord>,
    /// The partitions that the consumer has not read to their end.
    pub unread: Vec<Unread>,
    /// The partitions and offsets of records that are dead letters, including pruned ones.
    pub letters: HashSet<(i32, i64)>,
    /// The number of pruned dead letters whose records are not known. Up to this number of records may be missing in
    /// the tables.
    pub letters_pruned: usize,
}

/// The records of a partition after the consumer's committed offset.
#[derive(Clone, Copy, Debug)]
pub struct Unread {
    pub partition: i32,
    pub count: i64,
    /// The number of records that expired before the consumer read them.
    pub expired: i64,
    /// The time of the first record; `None` if it cannot be read.
    pub since: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub struct IntakeOrder {
    pub uid: String,
    /// A digest of the order's content; `None` if the order was erased.
    pub content: Option<u64>,
}

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
