//! Orders of other shops: the records of their topic, and the rows that the intake service stores.

use std::collections::HashSet;

/// What is known of the stream of orders.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    /// The partitions of the topic that were read.
    pub partitions: usize,
    pub orders: Vec<IntakeOrder>,
    /// The records before the offsets that the consumer has committed.
    pub records: Vec<IntakeRecord>,
    /// The records that are dead letters: partition and offset.
    pub letters: HashSet<(i32, i64)>,
    /// Dead letters were pruned: a record that is not kept may have been one of them.
    pub letters_pruned: bool,
}

/// An order as stored in the tables.
#[derive(Clone, Debug)]
pub struct IntakeOrder {
    pub uid: String,
    /// A digest of its content; none of an order that was erased.
    pub content: Option<u64>,
}

/// A record of the topic.
#[derive(Clone, Debug)]
pub struct IntakeRecord {
    pub partition: i32,
    pub offset: i64,
    /// The order's key and a digest of its content; none of a record that is no order.
    pub order: Option<(String, u64)>,
}
