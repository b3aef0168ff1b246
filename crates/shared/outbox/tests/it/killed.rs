//! Processes that are killed while they write and publish events, and what the check says afterwards.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::join_all;
use outbox::{
    CheckedRecord, Event, Outbox as _, PgOutbox, PublishOutcome, Publisher, Record, Relay, TopicReader, Unavailable,
    Waker, check, in_order_of_keys, topics_of_same_name,
};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use sqlx::{ConnectOptions as _, PgPool, postgres::PgPoolOptions, types::Json};
use testkit::{OwnProcess, eventually};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::fixture::{Fixture, tables};

const KILLS: u32 = 30;
const WRITERS: u64 = 3;
const KEYS: u128 = 3;
const KIND: &str = "counted";
/// The variable with which the test starts a process.
const URL: &str = "OUTBOX_TEST_URL";
/// How the holders of the lease begin.
const HOLDER: &str = "killed-";
/// A process ends after this time if the test that started it was killed itself.
const MAX_LIFE: Duration = Duration::from_mins(1);

/// The change that an event reports: a counter of each key. And the broker, which survives: a topic as a table.
const SCHEMA: &str = "
    create table counters (key uuid primary key, count bigint not null);
    create schema broker;
    create table broker.topic (length bigint not null);
    insert into broker.topic values (0);
    create table broker.records (position bigint primary key, headers jsonb not null);";

struct Broker(PgPool);

impl Broker {
    /// Appends a record in a transaction of its own. The lock of the topic's row makes positions grow in the order of
    /// commits.
    async fn append(&self, record: &Record) -> sqlx::Result<()> {
        let append = "with place as (update broker.topic set length = length + 1 returning length)
            insert into broker.records select length, $1 from place";
        sqlx::query(append).bind(Json(&record.headers)).execute(&self.0).await?;
        Ok(())
    }

    async fn length(&self) -> i64 {
        sqlx::query_scalar("select length from broker.topic").fetch_one(&self.0).await.unwrap()
    }
}

#[async_trait]
impl Publisher for Broker {
    async fn publish(&self, _: Vec<Record>) -> anyhow::Result<()> {
        anyhow::bail!("a relay wants the outcome of each record")
    }

    async fn publish_each(&self, records: Vec<Record>) -> Vec<PublishOutcome> {
        let results = in_order_of_keys(&records, |place| self.append(&records[place])).await;
        let outcome = |result| match result {
            Some(Ok(())) => PublishOutcome::Acknowledged,
            Some(Err(error)) => {
                PublishOutcome::Unavailable(Unavailable { error: anyhow::Error::new(error), reason: None })
            }
            None => PublishOutcome::NotSent,
        };
        results.into_iter().map(outcome).collect()
    }
}

/// Reads the broker's topic after `position`.
struct Topic {
    broker: Broker,
    position: i64,
}

#[async_trait]
impl TopicReader for Topic {
    async fn read(&mut self) -> anyhow::Result<Vec<CheckedRecord>> {
        let select = "select position, (headers->>'event-uuid')::uuid, (headers->>'event-time')::timestamptz
            from broker.records where position > $1 order by position limit 1000";
        let rows: Vec<(i64, Option<Uuid>, Option<DateTime<Utc>>)> =
            sqlx::query_as(select).bind(self.position).fetch_all(&self.broker.0).await?;
        self.position = rows.last().map_or(self.position, |(position, ..)| *position);
        let record = |(_, event, written)| CheckedRecord { topic: KIND.into(), partition: 0, event, written };
        Ok(rows.into_iter().map(record).collect())
    }

    fn complete_since(&self, _: &str) -> Option<DateTime<Utc>> {
        None
    }
}

/// Publishes until `stop`. Begins at once, since the process that held the lease was killed.
async fn publish(pool: &PgPool, waker: &Waker, stop: CancellationToken) {
    outbox::release_all(pool, &tables(), HOLDER).await;
    let rows = PgOutbox::new(pool.clone(), &tables(), format!("{HOLDER}{}", std::process::id()));
    let topics = topics_of_same_name([KIND]);
    let relay = Relay::new("killed", Arc::new(rows), Arc::new(Broker(pool.clone())), topics, waker);
    relay.run(stop).await.unwrap();
}

/// Counts, and writes an event with each count. The lock of the counter's row serialises the events of a key.
async fn count(pool: &PgPool, waker: &Waker, mut random: SmallRng) {
    loop {
        let key = Uuid::from_u128(random.random_range(0..KEYS));
        let mut transaction = pool.begin().await.unwrap();
        let count: i64 = sqlx::query_scalar("update counters set count = count + 1 where key = $1 returning count")
            .bind(key)
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        outbox::write(&mut transaction, &tables(), &Event::new(KIND, key, count.to_string())).await.unwrap();
        transaction.commit().await.unwrap();
        waker.wake();
    }
}

#[tokio::test]
#[ignore = "a process that `kills_lose_no_event_and_keep_the_order_of_keys` starts"]
async fn process() {
    let url = std::env::var(URL).expect("the test sets it");
    let pool = PgPoolOptions::new().max_connections(10).connect(&url).await.unwrap();
    let waker = Waker::default();
    let seed = u64::from(std::process::id()) * WRITERS;
    let writers = (0..WRITERS).map(|writer| count(&pool, &waker, SmallRng::seed_from_u64(seed + writer)));
    let relay = publish(&pool, &waker, CancellationToken::new());
    let _ = tokio::time::timeout(MAX_LIFE, async { tokio::join!(join_all(writers), relay) }).await;
}

#[tokio::test]
async fn kills_lose_no_event_and_keep_the_order_of_keys() {
    let Fixture { pool } = Fixture::new().await;
    sqlx::raw_sql(SCHEMA).execute(&pool).await.unwrap();
    let keys: Vec<Uuid> = (0..KEYS).map(Uuid::from_u128).collect();
    let counters = sqlx::query("insert into counters select key, 0 from unnest($1::uuid[]) as key");
    counters.bind(keys).execute(&pool).await.unwrap();
    let (url, broker) = (pool.connect_options().to_url_lossy().to_string(), Broker(pool.clone()));

    let mut random = SmallRng::seed_from_u64(1);
    for life in 0..KILLS {
        let before = broker.length().await;
        let process = OwnProcess::start("killed::process", [(URL, url.as_str())]);
        // One life in four may end before it publishes. All others publish first, so that the kill can do harm.
        if life % 4 != 3 {
            eventually(|| async { (broker.length().await > before).then_some(()) }).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..100))).await;
        drop(process);
    }
    let (stop, waker) = (CancellationToken::new(), Waker::default());
    let rows = PgOutbox::new(pool.clone(), &tables(), "reader");
    tokio::join!(publish(&pool, &waker, stop.clone()), async {
        eventually(|| async { (rows.backlog().await.unwrap().waiting == 0).then_some(()) }).await;
        stop.cancel();
    });

    let mut topic = Topic { broker, position: 0 };
    let report = check(&pool, &tables(), &topics_of_same_name([KIND]), &mut topic).await.unwrap();
    println!("{report}");
    assert!(report.is_consistent(), "{report}");
    let counted: i64 = sqlx::query_scalar("select sum(count)::bigint from counters").fetch_one(&pool).await.unwrap();
    assert_eq!((report.rows, report.waiting, report.swept + report.foreign), (counted.unsigned_abs(), 0, 0));
    assert_eq!(report.records, report.rows + report.doubled);
}
