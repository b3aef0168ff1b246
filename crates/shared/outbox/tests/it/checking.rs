//! Tests of the check of records against rows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{collections::HashMap, iter, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use outbox::{
    CheckedRecord, CheckedRow, Event, Finding, MAX_FINDINGS, Outbox as _, PgOutbox, Report, TopicReader, check,
    check_records, topics_of_same_name,
};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::fixture::{Fixture, tables};

const KIND: &str = "order-paid";

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

/// The event of the row `id`.
fn event(id: u8) -> Uuid {
    Uuid::from_u128(u128::from(id) << 8)
}

fn key(key: u8) -> Uuid {
    Uuid::from_u128(key.into())
}

/// Returns rows of these ids and keys, written in the second of their id and published one second later.
fn published(rows: &[(u8, u8)]) -> Vec<CheckedRow> {
    let row = |(id, of): &(u8, u8)| CheckedRow {
        id: (*id).into(),
        event: event(*id),
        key: key(*of),
        written: at((*id).into()),
        published: Some(at(i64::from(*id) + 1)),
    };
    rows.iter().map(row).collect()
}

fn record_in(topic: &str, partition: i32, id: u8) -> CheckedRecord {
    CheckedRecord { topic: topic.into(), partition, event: Some(event(id)), written: Some(at(id.into())) }
}

fn records(ids: &[u8]) -> Vec<CheckedRecord> {
    ids.iter().map(|id| record_in("topic", 0, *id)).collect()
}

fn reordered(id: u8, of: u8, after: u8) -> Finding {
    Finding::Reordered { event: event(id), key: key(of), after: event(after), topic: "topic".into() }
}

fn lost(id: u8, of: u8) -> Finding {
    Finding::Lost { event: event(id), key: key(of), published: at(i64::from(id) + 1) }
}

/// A case: the ids of the rows in the order of their records, the findings, and the numbers of doubled and rewound
/// records.
type Case = (&'static str, &'static [u8], Vec<Finding>, u64, u64);

#[test]
fn each_finding_has_its_name_and_what_at_least_once_allows_is_none() {
    let rows = published(&[(1, 7), (2, 8), (3, 7), (4, 7)]);
    let unknown = |id: u8| Finding::Unknown { event: event(id), topic: "topic".into(), partition: 0 };
    let cases: [Case; 11] = [
        ("in the order of rows", &[1, 2, 3, 4], vec![], 0, 0),
        ("other keys have no order", &[2, 1, 3, 4], vec![], 0, 0),
        ("one is missing", &[1, 2, 4], vec![lost(3, 7)], 0, 0),
        ("all are missing", &[], vec![lost(1, 7), lost(2, 8), lost(3, 7), lost(4, 7)], 0, 0),
        ("one comes twice in a row", &[1, 1, 2, 3, 4], vec![], 1, 0),
        ("a batch comes twice", &[1, 2, 3, 1, 2, 3, 4], vec![], 3, 1),
        ("two are exchanged", &[1, 2, 4, 3], vec![reordered(3, 7, 4)], 0, 0),
        ("the first is the last", &[2, 3, 4, 1], vec![reordered(1, 7, 4)], 0, 0),
        ("a double does not mend the order", &[2, 3, 1, 3, 4], vec![reordered(1, 7, 3)], 1, 0),
        ("a record without a row", &[1, 2, 3, 4, 5], vec![unknown(5)], 0, 0),
        ("a record without a row comes twice", &[1, 2, 5, 3, 4, 5], vec![unknown(5), unknown(5)], 0, 0),
    ];

    for (name, ids, findings, doubled, rewound) in cases {
        let report = check_records(&rows, &records(ids), None);

        assert_eq!(report.findings, findings, "{name}");
        assert_eq!(report.is_consistent(), findings.is_empty(), "{name}");
        assert_eq!((report.doubled, report.rewound), (doubled, rewound), "{name}");
        assert_eq!((report.rows, report.records), (4, ids.len() as u64), "{name}");
    }
}

#[test]
fn an_event_is_lost_only_if_its_topic_retains_its_time_and_it_is_published() {
    let mut rows = published(&[(1, 7), (2, 7), (3, 7), (4, 7)]);
    rows[3].published = None;

    let report = check_records(&rows, &[], Some(at(2)));

    assert_eq!(report.findings, [lost(2, 7), lost(3, 7)]);
    assert_eq!((report.lost, report.expired, report.waiting), (2, 1, 1));
}

#[test]
fn a_record_is_unknown_only_if_rows_of_its_time_are_kept() {
    // The oldest row that is kept was published in second 11.
    let rows = published(&[(10, 7)]);
    let foreign = CheckedRecord { event: None, ..record_in("topic", 0, 20) };
    let undated = CheckedRecord { written: None, ..record_in("topic", 0, 21) };

    let report = check_records(&rows, &[records(&[1, 11, 10, 12]), vec![foreign, undated]].concat(), None);

    assert_eq!(report.findings, [Finding::Unknown { event: event(12), topic: "topic".into(), partition: 0 }]);
    assert_eq!((report.swept, report.foreign, report.records), (3, 1, 6));
}

#[test]
fn the_order_of_a_key_is_that_of_each_partition() {
    let rows = published(&[(1, 7), (2, 7), (3, 7)]);
    let exchanged = |topic, partition| [record_in("topic", 0, 2), record_in(topic, partition, 1)];
    let reordered = |records: &[CheckedRecord]| check_records(&rows, records, None).reordered;

    assert_eq!(reordered(&exchanged("topic", 0)), 1);
    assert_eq!(reordered(&exchanged("topic", 1)), 0);
    assert_eq!(reordered(&exchanged("other", 0)), 0);
}

#[test]
fn all_findings_are_counted_and_the_first_ones_listed() {
    let rows = published(&[(1, 7), (2, 7)]);
    let count = MAX_FINDINGS + 1;
    let unknown: Vec<CheckedRecord> = iter::repeat_n(record_in("topic", 0, 9), count).collect();

    let report = check_records(&rows, &[records(&[1, 2]), unknown].concat(), None);

    assert_eq!((report.unknown, report.findings.len()), (count as u64, MAX_FINDINGS));
}

/// A topic in memory, read in batches of two records.
struct Topic {
    records: Vec<CheckedRecord>,
    complete_since: Option<DateTime<Utc>>,
}

#[async_trait]
impl TopicReader for Topic {
    async fn read(&mut self) -> anyhow::Result<Vec<CheckedRecord>> {
        Ok(self.records.drain(..self.records.len().min(2)).collect())
    }

    fn complete_since(&self, topic: &str) -> Option<DateTime<Utc>> {
        self.complete_since.filter(|_| topic == KIND)
    }
}

struct Written {
    pool: PgPool,
    events: Vec<Event>,
}

impl Written {
    /// Writes events of one key, and marks all but the last as published.
    async fn new(count: usize) -> Self {
        let Fixture { pool } = Fixture::new().await;
        let events: Vec<Event> = (0..count).map(|number| Event::new(KIND, key(7), number.to_string())).collect();
        outbox::write_all(&mut pool.acquire().await.unwrap(), &tables(), &events, &HashMap::new()).await.unwrap();
        let outbox = PgOutbox::new(pool.clone(), &tables(), "one");
        let epoch = outbox.lease(Duration::from_secs(30)).await.unwrap().unwrap();
        let rows = outbox.unpublished(i64::MAX, &[]).await.unwrap();
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        outbox.mark(epoch, &ids[..count - 1]).await.unwrap();
        Self { pool, events }
    }

    fn record(&self, place: usize) -> CheckedRecord {
        let topic: Arc<str> = KIND.into();
        CheckedRecord { topic, partition: 0, event: Some(self.events[place].uuid), written: None }
    }

    async fn check(&self, records: Vec<CheckedRecord>, complete_since: Option<DateTime<Utc>>) -> Report {
        let mut topic = Topic { records, complete_since };
        check(&self.pool, &tables(), &topics_of_same_name([KIND]), &mut topic).await.unwrap()
    }
}

#[tokio::test]
async fn a_table_is_compared_with_its_topic() {
    let written = Written::new(6).await;
    let records = |places: &[usize]| places.iter().map(|place| written.record(*place)).collect::<Vec<_>>();
    let uuid = |place: usize| written.events[place].uuid;

    let all = written.check(records(&[0, 1, 2, 3, 4]), None).await;
    assert!(all.is_consistent(), "{all}");
    assert_eq!((all.rows, all.records, all.waiting), (6, 5, 1));

    let some = written.check(records(&[0, 2, 2, 1, 4]), None).await;
    assert_eq!((some.lost, some.reordered, some.doubled, some.unknown), (1, 1, 1, 0), "{some}");
    let [Finding::Reordered { event, after, .. }, Finding::Lost { event: lost, .. }] = some.findings[..] else {
        panic!("{some}")
    };
    assert_eq!((event, after, lost), (uuid(1), uuid(2), uuid(3)));

    let later = DateTime::<Utc>::MAX_UTC;
    let retained = written.check(records(&[]), Some(later)).await;
    assert!(retained.is_consistent(), "{retained}");
    assert_eq!(retained.expired, 5);
}

#[tokio::test]
async fn a_record_whose_row_was_swept_is_not_unknown_and_a_later_one_is() {
    let written = Written::new(4).await;
    let old = format!("update {} set published_at = now() - interval '1 hour' where id <= 2", tables().outbox);
    sqlx::query(AssertSqlSafe(old)).execute(&written.pool).await.unwrap();
    assert_eq!(outbox::sweep(&written.pool, &tables(), Duration::from_mins(1)).await.unwrap(), 2);
    let written_at = |place: usize, time| CheckedRecord { written: Some(time), ..written.record(place) };
    let uncommitted = CheckedRecord { event: Some(key(1)), ..written_at(0, DateTime::<Utc>::MAX_UTC) };

    let records = vec![written_at(0, at(0)), written_at(1, at(1)), written.record(2), uncommitted];
    let report = written.check(records, None).await;

    assert_eq!((report.swept, report.unknown, report.lost), (2, 1, 0), "{report}");
}

#[tokio::test]
async fn rows_of_types_without_a_topic_are_left_out() {
    let written = Written::new(3).await;
    let (topics, mut topic) = (HashMap::new(), Topic { records: vec![], complete_since: None });

    let report = check(&written.pool, &tables(), &topics, &mut topic).await.unwrap();

    assert_eq!(report, Report::default());
}
