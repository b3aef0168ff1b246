//! Compares the table with its topics: whether events are lost, doubled or reordered.

mod comparison;
mod report;

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::FromRow as _;
use uuid::Uuid;

use self::comparison::{Comparison, Origin};
pub use self::{
    comparison::{CheckedRecord, CheckedRow, check_records},
    report::{Finding, MAX_FINDINGS, Report},
};
use crate::{
    pool::Pool,
    statements::{CheckSql, Tables},
};

/// The number of rows that are read at once.
const PAGE_SIZE: i64 = 5_000;

/// Reads topics from their beginning to their end, for [`check()`]. With the feature `kafka`, `KafkaReader` is one.
#[async_trait]
pub trait TopicReader: Send {
    /// Returns the next records, some thousands at most, or none at the end. The records of one partition come in the
    /// order of their offsets. The end of each partition is determined during the first call or later.
    async fn read(&mut self) -> anyhow::Result<Vec<CheckedRecord>>;

    /// Returns the time since which the topic has all records, or `None` if none of its records was deleted. Called
    /// when all records have been read.
    fn complete_since(&self, topic: &str) -> Option<DateTime<Utc>>;
}

/// Compares the table with its topics, while relays publish. `topics` are the topics by event type, as the relay has
/// them; rows of other types are left out.
///
/// - *Lost*: a row is marked as published and has no record, although its topic retains the records of its time.
/// - *Reordered*: two events of one key have their first records in another order than their rows. Only records of the
///   same partition are compared, since there is no order between partitions.
/// - *Unknown*: a record has no row, although rows of its time are kept.
/// - *Doubled* records are counted, and *rewound* ones among them. They are no findings, since publishing is at least
///   once: a relay that dies before it marks a batch leaves it to the next one, which publishes all of it again.
///
/// The times of rows are compared with the timestamps of records. If the clocks of the database and the relays differ,
/// events that were written just after the oldest retained record can be reported as lost. Compacted topics cannot be
/// checked.
///
/// # Bounds
///
/// Rows are read in pages of 5 000 by id, without their payloads, and the rows of records by event id. Memory: about
/// 100 bytes for each key and a bit for each row that have records, so 100 MB for a million keys, and up to
/// [`MAX_FINDINGS`] findings. A check reads every retained record. It takes no lock.
///
/// # Errors
///
/// Fails with the first error of the database or the reader.
#[expect(clippy::implicit_hasher, reason = "the topics have one type, that of the relay's")]
pub async fn check<P: Pool>(
    pool: &P,
    tables: &Tables,
    topics: &HashMap<&'static str, String>,
    reader: &mut impl TopicReader,
) -> anyhow::Result<Report> {
    let sql = CheckSql::new(tables);
    let mut comparison = Comparison::default();
    // A row that is marked before this time was acknowledged before the end of its topic is determined.
    let (begun, _) = horizon(pool, &sql).await?;
    loop {
        let records = reader.read().await?;
        if records.is_empty() {
            break;
        }
        add_records(pool, &sql, &mut comparison, &records).await?;
    }
    let mut after = i64::MIN;
    loop {
        let rows = pool.rows(sql.page.query().bind(after).bind(PAGE_SIZE)).await?;
        for row in &rows {
            let (id, event, kind, key, written, published) = Row::from_row(row)?;
            after = id;
            if let Some(topic) = topics.get(kind.as_str()) {
                let row = CheckedRow { id, event, key, written, published };
                comparison.add_row(&row, reader.complete_since(topic), begun);
            }
        }
        if rows.is_empty() {
            return Ok(comparison.report);
        }
    }
}

/// A row of the statement [`page`](CheckSql::page).
type Row = (i64, Uuid, String, Uuid, DateTime<Utc>, Option<DateTime<Utc>>);

/// Adds records with their rows. A row is committed before its record is published, so it is there unless it was
/// deleted.
async fn add_records<P: Pool>(
    pool: &P,
    sql: &CheckSql,
    comparison: &mut Comparison,
    records: &[CheckedRecord],
) -> anyhow::Result<()> {
    let events: Vec<Uuid> = records.iter().filter_map(|record| record.event).collect();
    let mut origins: HashMap<Uuid, Origin> = HashMap::with_capacity(events.len());
    for row in pool.rows(sql.origins.query().bind(&events)).await? {
        let (event, id, key) = <(Uuid, i64, Uuid)>::from_row(&row)?;
        origins.insert(event, Origin { id, key });
    }
    // Read after the rows: those that were missing then are older than the ones that are left now.
    let has_missing = events.iter().any(|event| !origins.contains_key(event));
    let kept_since = if has_missing { horizon(pool, sql).await?.1 } else { None };
    for record in records {
        let origin = record.event.and_then(|event| origins.get(&event).copied());
        comparison.add_record(record, origin, kept_since);
    }
    Ok(())
}

/// Returns the time, and when the oldest published row was published. Rows are deleted in the order of this time.
async fn horizon<P: Pool>(pool: &P, sql: &CheckSql) -> anyhow::Result<(DateTime<Utc>, Option<DateTime<Utc>>)> {
    let row = pool.row(sql.horizon.query()).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(<(DateTime<Utc>, Option<DateTime<Utc>>)>::from_row(&row)?)
}
