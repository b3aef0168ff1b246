//! The timeline in PostgreSQL: the tables `timeline` and `places`.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};
use platform::postgres::Database;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    error::Error,
    model::{NewRecord, Record},
    repository::{Caught, MAX_RECORDS, Timeline},
};

#[derive(Clone)]
pub struct PgTimeline {
    pool: Database,
}

impl PgTimeline {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

/// A row of `timeline`.
macro_rules! record {
    ($row:ident) => {
        Record {
            place: $row.place,
            is_repeat: $row.is_repeat,
            record: NewRecord {
                topic_id: $row.topic_id,
                topic: $row.topic,
                partition: $row.partition,
                offset: $row.record_offset,
                order: OrderId::new($row.order_uuid),
                user: $row.user_uuid.map(UserId::new),
                event: $row.event_uuid,
                kind: $row.kind,
                committed_at: $row.committed_at,
                published_at: $row.published_at,
                consumed_at: $row.consumed_at,
                trace: $row.trace_id,
                payload: $row.payload,
                headers: $row.headers,
            },
        }
    };
}

#[async_trait]
impl Timeline for PgTimeline {
    async fn add(&self, records: &[NewRecord]) -> Result<u64, Error> {
        fn column<T>(records: &[NewRecord], of: impl Fn(&NewRecord) -> T) -> Vec<T> {
            records.iter().map(of).collect()
        }
        // The update locks the only row of `places` until the commit, so that places are assigned in the order of commits. A repeated
        // record leaves a gap at most.
        let added = sqlx::query!(
            "with given as (
                select * from unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[],
                    $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::text[], $13::jsonb[], $14::jsonb[])
                    with ordinality as given (topic_id, topic, partition, record_offset, order_uuid, user_uuid, event_uuid, kind,
                        committed_at, published_at, consumed_at, trace_id, payload, headers, number)
            ), counted as (
                update places set last = last + (select count(*) from given) returning last - (select count(*) from given) as base
            )
            insert into timeline (place, topic_id, topic, partition, record_offset, order_uuid, user_uuid, event_uuid, kind,
                committed_at, published_at, consumed_at, trace_id, payload, headers)
            select base + number, topic_id, topic, partition, record_offset, order_uuid, user_uuid, event_uuid, kind,
                committed_at, published_at, consumed_at, trace_id, payload, headers
            from given, counted
            on conflict (topic_id, topic, partition, record_offset) do nothing",
            &column(records, |one| one.topic_id.clone()),
            &column(records, |one| one.topic.clone()),
            &column(records, |one| one.partition),
            &column(records, |one| one.offset),
            &column(records, |one| one.order.uuid()),
            &column(records, |one| one.user.map(UserId::uuid)) as &[Option<Uuid>],
            &column(records, |one| one.event) as &[Option<Uuid>],
            &column(records, |one| one.kind.clone()),
            &column(records, |one| one.committed_at),
            &column(records, |one| one.published_at),
            &column(records, |one| one.consumed_at),
            &column(records, |one| one.trace.clone()) as &[Option<String>],
            &column(records, |one| one.payload.clone()) as &[Value],
            &column(records, |one| one.headers.clone()) as &[Value],
        )
        .execute(&self.pool)
        .await?;
        Ok(added.rows_affected())
    }

    async fn of_order(&self, order: OrderId, place: i64) -> Result<Vec<Record>, Error> {
        let rows = sqlx::query!(
            r#"select *, exists (
                select from timeline as earlier
                where earlier.order_uuid = timeline.order_uuid and earlier.event_uuid = timeline.event_uuid
                    and earlier.place < timeline.place
            ) as "is_repeat!"
            from timeline where order_uuid = $1 and place > $2 order by place limit $3"#,
            order.uuid(),
            place,
            MAX_RECORDS,
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(|row| record!(row)).collect())
    }

    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error> {
        let owner = sqlx::query_scalar!(
            r#"select user_uuid as "user_uuid!" from timeline
            where order_uuid = $1 and user_uuid is not null order by place limit 1"#,
            order.uuid(),
        );
        Ok(owner.fetch_optional(&self.pool).await?.map(UserId::new))
    }

    async fn after(&self, place: i64, orders: &[OrderId]) -> Result<Caught, Error> {
        let orders: Vec<Uuid> = orders.iter().map(|order| order.uuid()).collect();
        // The last place comes first: each record at or below it is visible to the statement that follows.
        let last = sqlx::query_scalar!("select last from places").fetch_one(&self.pool).await?;
        let rows = sqlx::query!(
            r#"select *, exists (
                select from timeline as earlier
                where earlier.order_uuid = timeline.order_uuid and earlier.event_uuid = timeline.event_uuid
                    and earlier.place < timeline.place
            ) as "is_repeat!"
            from timeline where order_uuid = any($1) and place > $2 and place <= $3 order by place limit $4"#,
            &orders,
            place,
            last,
            MAX_RECORDS,
        );
        let records: Vec<Record> = rows.fetch_all(&self.pool).await?.into_iter().map(|row| record!(row)).collect();
        Ok(Caught::new(records, last))
    }

    async fn remove_old(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let removed = sqlx::query!(
            "delete from timeline where place = any(array(
                select place from timeline where consumed_at < now() - make_interval(secs => $1) order by consumed_at limit $2))",
            age.as_secs_f64(),
            limit,
        );
        Ok(removed.execute(&self.pool).await?.rows_affected())
    }
}
