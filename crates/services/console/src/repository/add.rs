//! Adds records to the timeline: one statement writes all waiting batches, of any topic.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use contracts::ids::UserId;
use platform::postgres::Database;
use serde_json::Value;
use uuid::Uuid;

use crate::model::NewRecord;

/// The records of a batch, at least one.
pub type Records = Arc<[NewRecord]>;

/// Identifies a record: origin, topic, partition and offset.
type RecordId = (String, String, i32, i64);

/// Returns the id of the batch's first record, which identifies the batch's result.
pub fn first(records: &Records) -> RecordId {
    let first = |one: &NewRecord| (one.origin.clone(), one.topic.clone(), one.partition, one.offset);
    records.first().map(first).unwrap_or_default()
}

/// Adds the records that the timeline lacks. Returns the number of added records by batch.
pub async fn add(pool: Database, batches: Arc<[Records]>) -> sqlx::Result<HashMap<RecordId, u64>> {
    fn column<T>(records: &[&NewRecord], of: impl Fn(&NewRecord) -> T) -> Vec<T> {
        records.iter().map(|record| of(record)).collect()
    }
    let records: Vec<&NewRecord> = batches.iter().flat_map(|batch| batch.iter()).collect();
    // The update locks the only row of `places` until the commit, so that places are assigned in the order of commits.
    // A redelivered record only leaves a gap.
    let added = sqlx::query_scalar!(
        r#"with given as (
            select * from unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[],
                $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::text[], $13::jsonb[], $14::jsonb[])
                with ordinality as given (topic_id, topic, partition, record_offset, order_uuid, user_uuid, event_uuid, kind,
                    committed_at, published_at, consumed_at, trace_id, payload, headers, number)
        ), counted as (
            update places set last = last + cardinality($1::text[]) returning last - cardinality($1::text[]) as base
        ), added as (
            insert into timeline (place, topic_id, topic, partition, record_offset, order_uuid, user_uuid, event_uuid, kind,
                committed_at, published_at, consumed_at, trace_id, payload, headers)
            select base + number, topic_id, topic, partition, record_offset, order_uuid, user_uuid, event_uuid, kind,
                committed_at, published_at, consumed_at, trace_id, payload, headers
            from given, counted
            on conflict (topic_id, topic, partition, record_offset) do nothing
            returning place
        )
        select place - base as "number!" from added, counted"#,
        &column(&records, |one| one.origin.clone()),
        &column(&records, |one| one.topic.clone()),
        &column(&records, |one| one.partition),
        &column(&records, |one| one.offset),
        &column(&records, |one| one.order.uuid()),
        &column(&records, |one| one.user.map(UserId::uuid)) as &[Option<Uuid>],
        &column(&records, |one| one.event) as &[Option<Uuid>],
        &column(&records, |one| one.kind.clone()),
        &column(&records, |one| one.committed_at),
        &column(&records, |one| one.published_at),
        &column(&records, |one| one.consumed_at),
        &column(&records, |one| one.trace.clone()) as &[Option<String>],
        &column(&records, |one| one.payload.clone()) as &[Value],
        &column(&records, |one| one.headers.clone()) as &[Value],
    )
    .fetch_all(&pool)
    .await?;
    let added: HashSet<i64> = added.into_iter().collect();
    let mut numbers = 1..;
    let counted = batches.iter().map(|batch| {
        let own = numbers.by_ref().take(batch.len()).filter(|number| added.contains(number));
        (first(batch), own.map(|_| 1).sum())
    });
    Ok(counted.collect())
}
