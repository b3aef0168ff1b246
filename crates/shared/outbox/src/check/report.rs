//! What a check has found.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The maximum number of findings that a report lists. All are counted.
pub const MAX_FINDINGS: usize = 1_000;

/// The result of [`check()`](crate::check()).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The number of rows that were compared.
    pub rows: u64,
    /// The number of records that were compared.
    pub records: u64,
    /// Rows that are not marked as published, including those that are set aside.
    pub waiting: u64,
    /// Published rows without a record that are older than what their topic retains.
    pub expired: u64,
    /// Records whose row was deleted, see [`sweep`](crate::sweep).
    pub swept: u64,
    /// Records without the header `event-uuid`, which no relay of this crate has written.
    pub foreign: u64,
    /// Records of events that the topics have already. Publishing is at least once, so these are no findings.
    pub doubled: u64,
    /// Of the `doubled` records, those that follow a later event of their key. A consumer with an inbox skips them; for
    /// one without, the key goes back in time.
    pub rewound: u64,
    /// The number of [`Finding::Lost`].
    pub lost: u64,
    /// The number of [`Finding::Reordered`].
    pub reordered: u64,
    /// The number of [`Finding::Unknown`].
    pub unknown: u64,
    /// The first [`MAX_FINDINGS`] findings.
    pub findings: Vec<Finding>,
}

/// A violation of what this crate promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A row is marked as published, its topic retains the records of its time, and there is no record.
    Lost { event: Uuid, key: Uuid, published: DateTime<Utc> },
    /// The first record of `event` follows a record of `after` in the same partition, although both have the same key
    /// and the row of `event` has the lower id.
    Reordered { event: Uuid, key: Uuid, after: Uuid, topic: Arc<str> },
    /// A record has no row, although rows of its time are kept: the event was published without being committed, or its
    /// row was deleted by means other than [`sweep`](crate::sweep).
    Unknown { event: Uuid, topic: Arc<str>, partition: i32 },
}

impl Report {
    /// Returns true if there is no finding.
    pub fn is_consistent(&self) -> bool {
        self.lost + self.reordered + self.unknown == 0
    }

    pub(super) fn add(&mut self, finding: Finding) {
        *match finding {
            Finding::Lost { .. } => &mut self.lost,
            Finding::Reordered { .. } => &mut self.reordered,
            Finding::Unknown { .. } => &mut self.unknown,
        } += 1;
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, records, waiting, expired, swept, foreign, doubled, rewound, .. } = self;
        let Self { lost, reordered, unknown, findings, .. } = self;
        write!(f, "{lost} lost, {reordered} reordered, {unknown} unknown; {rows} rows ({waiting} waiting, ")?;
        write!(f, "{expired} expired), {records} records ({doubled} doubled, {rewound} of them after a later event ")?;
        write!(f, "of their key, {swept} swept, {foreign} foreign)")?;
        findings.iter().try_for_each(|finding| write!(f, "\n{finding}"))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { event, key, published } => {
                write!(f, "lost: event {event} of key {key}, marked as published at {published}, has no record")
            }
            Self::Reordered { event, key, after, topic } => {
                write!(f, "reordered: event {event} of key {key} follows the later event {after} in {topic}")
            }
            Self::Unknown { event, topic, partition } => {
                write!(f, "unknown: event {event} in {topic}/{partition} has no row")
            }
        }
    }
}
