//! The records of all orders, in the order of their commits: the tables `timeline` and `places`.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};
use platform::postgres::{Database, GroupCommit};
use uuid::Uuid;

use super::add::{self, Records};
use crate::{
    error::Error,
    model::{NewRecord, Record},
};

/// The maximum number of records that are read at once. An order has about ten; redeliveries and attempts to pay add to
/// them.
pub const MAX_RECORDS: i64 = 1000;

#[async_trait]
pub trait Timeline: Send + Sync {
    /// Adds the records that the timeline lacks, and returns their number. A record that is added later gets a higher
    /// place, and becomes visible later.
    async fn add(&self, records: Vec<NewRecord>) -> Result<u64, Error>;

    /// Returns the records of an order after `place`, by place, at most [`MAX_RECORDS`].
    async fn of_order(&self, order: OrderId, place: i64) -> Result<Vec<Record>, Error>;

    /// Returns the user of an order, or `None` if no record names it yet.
    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error>;

    /// Returns which of these orders have records after `place`, and the place up to which the result is complete.
    async fn news(&self, place: i64, orders: &[OrderId]) -> Result<(Vec<OrderId>, i64), Error>;
}

#[derive(Clone)]
pub struct PgTimeline {
    pool: Database,
    /// Additions are grouped, because they cannot run concurrently: each locks the only row of `places`.
    additions: GroupCommit<Records, Option<u64>>,
}

impl PgTimeline {
    pub fn new(pool: Database) -> Self {
        let additions = GroupCommit::by_key("add_records", pool.clone(), add::first, add::add);
        Self { pool, additions }
    }

    /// Deletes up to `limit` records that were consumed before `age`. Returns their number.
    pub async fn remove_old(&self, age: Duration, limit: i64) -> Result<u64, Error> {
        let removed = sqlx::query!(
            "delete from timeline where place = any(array(
                select place from timeline where consumed_at < now() - make_interval(secs => $1) order by consumed_at limit $2))",
            age.as_secs_f64(),
            limit,
        );
        Ok(removed.execute(&self.pool).await?.rows_affected())
    }
}

#[async_trait]
impl Timeline for PgTimeline {
    async fn add(&self, records: Vec<NewRecord>) -> Result<u64, Error> {
        Ok(self.additions.submit(records.into()).await?.unwrap_or_default())
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
        let records = rows.fetch_all(&self.pool).await?.into_iter().map(|row| Record {
            place: row.place,
            is_repeat: row.is_repeat,
            record: NewRecord {
                origin: row.topic_id,
                topic: row.topic,
                partition: row.partition,
                offset: row.record_offset,
                order: OrderId::new(row.order_uuid),
                user: row.user_uuid.map(UserId::new),
                event: row.event_uuid,
                kind: row.kind,
                committed_at: row.committed_at,
                published_at: row.published_at,
                consumed_at: row.consumed_at,
                trace: row.trace_id,
                payload: row.payload,
                headers: row.headers,
            },
        });
        Ok(records.collect())
    }

    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error> {
        let owner = sqlx::query_scalar!(
            r#"select user_uuid as "user_uuid!" from timeline
            where order_uuid = $1 and user_uuid is not null order by place limit 1"#,
            order.uuid(),
        );
        Ok(owner.fetch_optional(&self.pool).await?.map(UserId::new))
    }

    async fn news(&self, place: i64, orders: &[OrderId]) -> Result<(Vec<OrderId>, i64), Error> {
        let orders: Vec<Uuid> = orders.iter().map(|order| order.uuid()).collect();
        // The last place is read first, so that the next statement sees each record up to it.
        let last = sqlx::query_scalar!("select last from places").fetch_one(&self.pool).await?;
        let news = sqlx::query_scalar!(
            "select distinct order_uuid from timeline where order_uuid = any($1) and place > $2 and place <= $3",
            &orders,
            place,
            last,
        );
        Ok((news.fetch_all(&self.pool).await?.into_iter().map(OrderId::new).collect(), last))
    }
}
