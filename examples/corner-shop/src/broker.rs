//! The broker: topics as tables of a database of their own.
//!
//! It stands in for Kafka, so that the example needs nothing installed and its records survive `kill -9`. It promises
//! what Kafka promises for a topic of one partition: an acknowledged record is durable, records are read in the order
//! of their positions, and a group continues after the position that it has committed.
//!
//! The separate database matters. No transaction of the shop can reach it, as none can reach Kafka; if one could, it
//! could write to the topic itself, and nothing would need an outbox.

use async_trait::async_trait;
use outbox::{Publisher, Record};
use sqlx::{PgPool, types::Json};
use uuid::Uuid;

pub struct Broker {
    pool: PgPool,
}

/// A record as a consumer reads it.
pub struct Message {
    pub position: i64,
    /// The event id, which is the same in all copies of a record that was published more than once.
    pub event: Uuid,
    pub kind: String,
    pub payload: Vec<u8>,
}

impl Broker {
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        Ok(Self { pool: crate::database::open(url, "corner_shop_broker", &[include_str!("broker.sql")]).await? })
    }

    /// Returns the first record after the position that the group has committed.
    pub async fn next(&self, group: &str, topic: &str) -> sqlx::Result<Option<Message>> {
        let select = "select position, (headers->>'event-uuid')::uuid, headers->>'event-type', payload from records
            where topic = $2 and position > coalesce(
                (select position from positions where consumer_group = $1 and topic = $2), 0)
            order by position limit 1";
        let query = sqlx::query_as::<_, (i64, Uuid, String, Vec<u8>)>(select).bind(group).bind(topic);
        let row = query.fetch_optional(&self.pool).await?;
        Ok(row.map(|(position, event, kind, payload)| Message { position, event, kind, payload }))
    }

    pub async fn commit(&self, group: &str, topic: &str, position: i64) -> sqlx::Result<()> {
        let upsert = "insert into positions values ($1, $2, $3)
            on conflict (consumer_group, topic) do update set position = excluded.position";
        sqlx::query(upsert).bind(group).bind(topic).bind(position).execute(&self.pool).await?;
        Ok(())
    }

    /// `place` locks the topic's row until the end of the transaction, so positions grow in the order of commits. With
    /// a sequence, a later position could become visible before an earlier one, which a consumer would then pass over.
    async fn append(&self, record: &Record) -> sqlx::Result<()> {
        let append = "with place as (
                insert into topics values ($1, 1)
                on conflict (name) do update set length = topics.length + 1
                returning length)
            insert into records select $1, length, $2, $3, $4 from place";
        let append = sqlx::query(append).bind(&record.topic).bind(&record.key).bind(&record.payload);
        append.bind(Json(&record.headers)).execute(&self.pool).await?;
        Ok(())
    }
}

#[async_trait]
impl Publisher for Broker {
    /// Appends one record after the other, each in its own transaction. The process can die after any of them; then
    /// all of them are published again.
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        for record in &records {
            self.append(record).await?;
        }
        Ok(())
    }
}
