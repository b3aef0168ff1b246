//! Compares rows with records, without any I/O.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Finding, Report};

/// A row of the outbox, as a check compares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedRow {
    /// Grows in the order in which the rows of one key were written.
    pub id: i64,
    pub event: Uuid,
    pub key: Uuid,
    /// When the row was written.
    pub written: DateTime<Utc>,
    /// When the row was marked as published.
    pub published: Option<DateTime<Utc>>,
}

/// A record of a topic, as a check compares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedRecord {
    pub topic: Arc<str>,
    pub partition: i32,
    /// The header `event-uuid`.
    pub event: Option<Uuid>,
    /// The header `event-time`, or else the record's timestamp.
    pub written: Option<DateTime<Utc>>,
}

/// Compares rows with records in memory. The rows may have any order; the records of one partition have that of their
/// offsets. The topics have all records written at `complete_since` or later, or all ever written if it is `None`.
pub fn check_records(rows: &[CheckedRow], records: &[CheckedRecord], complete_since: Option<DateTime<Utc>>) -> Report {
    let origins: HashMap<Uuid, Origin> = rows.iter().map(|row| (row.event, Origin::of(row))).collect();
    let kept_since = rows.iter().filter_map(|row| row.published).min();
    let mut comparison = Comparison::default();
    for record in records {
        let origin = record.event.and_then(|event| origins.get(&event).copied());
        comparison.add_record(record, origin, kept_since);
    }
    for row in rows {
        comparison.add_row(row, complete_since, DateTime::<Utc>::MAX_UTC);
    }
    comparison.report
}

/// The row of a record.
#[derive(Clone, Copy)]
pub struct Origin {
    pub id: i64,
    pub key: Uuid,
}

impl Origin {
    fn of(row: &CheckedRow) -> Self {
        Self { id: row.id, key: row.key }
    }
}

/// A comparison of all records, and then of all rows.
#[derive(Default)]
pub struct Comparison {
    seen: Seen,
    /// Topics and partitions by number, so that `latest` need not repeat the topic's name.
    partitions: HashMap<(Arc<str>, i32), usize>,
    /// The event with the highest row of each key in each partition. There is no order between partitions.
    latest: HashMap<(usize, Uuid), (i64, Uuid)>,
    pub report: Report,
}

impl Comparison {
    /// Adds a record and its row, if it has one. No row that was published at `kept_since` or later is deleted.
    pub fn add_record(&mut self, record: &CheckedRecord, origin: Option<Origin>, kept_since: Option<DateTime<Utc>>) {
        self.report.records += 1;
        let CheckedRecord { topic, partition, .. } = record;
        let Some(event) = record.event else {
            self.report.foreign += 1;
            return;
        };
        let Some(Origin { id, key }) = origin else {
            // An event is written before it is published.
            if record.written.zip(kept_since).is_some_and(|(written, since)| written > since) {
                self.report.add(Finding::Unknown { event, topic: topic.clone(), partition: *partition });
            } else {
                self.report.swept += 1;
            }
            return;
        };
        let is_first = self.seen.insert(id);
        self.report.doubled += u64::from(!is_first);
        let count = self.partitions.len();
        let partition = *self.partitions.entry((topic.clone(), *partition)).or_insert(count);
        match self.latest.entry((partition, key)) {
            Entry::Occupied(latest) if latest.get().0 > id => {
                let after = latest.get().1;
                if is_first {
                    self.report.add(Finding::Reordered { event, key, after, topic: topic.clone() });
                } else {
                    self.report.rewound += 1;
                }
            }
            entry => {
                entry.insert_entry((id, event));
            }
        }
    }

    /// Adds a row. Its topic has all records written at `complete_since` or later, or all if it is `None`, up to those
    /// of rows that were marked as published at `until`.
    pub fn add_row(&mut self, row: &CheckedRow, complete_since: Option<DateTime<Utc>>, until: DateTime<Utc>) {
        self.report.rows += 1;
        let CheckedRow { event, key, .. } = *row;
        match row.published {
            None => self.report.waiting += 1,
            Some(published) if self.seen.contains(row.id) || published > until => {}
            // The event may have been published long before its row was marked, but not before the row was written.
            Some(published) if complete_since.is_none_or(|since| row.written >= since) => {
                self.report.add(Finding::Lost { event, key, published });
            }
            Some(_) => self.report.expired += 1,
        }
    }
}

/// The ids of rows that have a record: a bit for each, in words of 64.
#[derive(Default)]
struct Seen(HashMap<i64, u64>);

impl Seen {
    /// Returns true if the id is new.
    fn insert(&mut self, id: i64) -> bool {
        let (place, bit) = Self::place(id);
        let word = self.0.entry(place).or_default();
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    fn contains(&self, id: i64) -> bool {
        let (place, bit) = Self::place(id);
        self.0.get(&place).is_some_and(|word| word & bit != 0)
    }

    fn place(id: i64) -> (i64, u64) {
        (id >> 6, 1_u64 << (id & 63))
    }
}
