//! Tests of a relay that cannot publish because of a broker, a producer or a missing route.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use platform::{
    config::Settings,
    kafka::{KafkaPublisher, Record},
    lease,
    outbox::{Outbox as _, PgOutbox, Publisher, Relay, Waker},
    postgres::Database,
};
use rdkafka::{
    mocking::MockCluster,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use testkit::{Running, eventually};
use uuid::Uuid;

use crate::{
    outbox::MIGRATIONS,
    relay_memory::picky::{Picky, Refuses},
};

const KNOWN: &str = "events.v1.OrderPaid";
const UNHEARD: &str = "events.v1.Unheard";

#[derive(Clone, Default)]
struct Broker(Arc<Mutex<Vec<Record>>>);

impl Broker {
    /// Returns the payloads of this key's records, in the order of publishing.
    fn of_key(&self, key: u128) -> Vec<String> {
        let key = Uuid::from_u128(key).to_string().into_bytes();
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_key = records.iter().filter(|record| record.key == key);
        of_key.map(|record| String::from_utf8_lossy(&record.payload).into_owned()).collect()
    }

    async fn has(&self, key: u128, payloads: &[&str]) {
        eventually(|| async { (self.of_key(key) == payloads).then_some(()) }).await;
    }
}

#[async_trait]
impl Publisher for Broker {
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(records);
        Ok(())
    }
}

/// A broker that this replica cannot reach.
struct Unreachable;

#[async_trait]
impl Publisher for Unreachable {
    async fn publish(&self, _: Vec<Record>) -> anyhow::Result<()> {
        Err(anyhow::anyhow!("no answer"))
    }
}

fn relay(pool: &Database, holder: &str, publisher: impl Publisher, kinds: &[&'static str]) -> Running {
    let outbox = PgOutbox::new(pool.clone(), holder.to_owned());
    let topics = kinds.iter().map(|kind| (*kind, "topic".to_owned())).collect();
    let relay = Relay::new("test", Arc::new(outbox), Arc::new(publisher), topics, &Waker::default());
    testkit::run(|stop| relay.run(stop))
}

async fn write(pool: &Database, key: u128, kind: &str, payload: &str) {
    sqlx::query("insert into outbox (event_uuid, event_type, key, payload, trace) values ($1, $2, $3, $4, '{}')")
        .bind(platform::ids::random())
        .bind(kind)
        .bind(Uuid::from_u128(key))
        .bind(payload.as_bytes())
        .execute(pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_event_without_a_route_holds_back_the_later_events_of_its_key_alone() {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let broker = Broker::default();
    let first = relay(&pool, "first", broker.clone(), &[KNOWN]);
    write(&pool, 1, KNOWN, "before").await;
    write(&pool, 1, UNHEARD, "unheard").await;
    write(&pool, 1, KNOWN, "after").await;

    write(&pool, 2, KNOWN, "other").await;

    broker.has(2, &["other"]).await;
    write(&pool, 1, KNOWN, "last").await;
    write(&pool, 3, KNOWN, "another").await;
    broker.has(3, &["another"]).await;
    assert_eq!(broker.of_key(1), ["before"]);

    first.stop().await;
    let second = relay(&pool, "second", broker.clone(), &[KNOWN, UNHEARD]);
    broker.has(1, &["before", "unheard", "after", "last"]).await;
    second.stop().await;
}

#[tokio::test]
async fn more_events_of_a_refused_topic_than_a_batch_has_rows_wait_in_the_table_and_hold_up_no_other() {
    const CANCELLED: &str = "events.v1.OrderCancelled";
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let insert = "insert into outbox (event_uuid, event_type, key, payload, trace)
        select gen_random_uuid(), $1, ('00000000-0000-0000-0000-' || lpad(to_hex(n % 400), 12, '0'))::uuid, convert_to(n::text, 'utf8'), '{}'
        from generate_series(0, 799) as n";
    sqlx::query(insert).bind(CANCELLED).execute(&pool).await.unwrap();
    let broker = Picky::default();
    broker.refuse(Refuses::Topic(CANCELLED));
    let outbox = Arc::new(PgOutbox::new(pool.clone(), "one".to_owned()));
    let topics = [KNOWN, CANCELLED].map(|kind| (kind, kind.to_owned())).into();
    let relay = Relay::new("test", outbox, Arc::new(broker.clone()), topics, &Waker::default());
    let relay = testkit::run(|stop| relay.run(stop));

    write(&pool, 1_000, KNOWN, "other").await;
    write(&pool, 7, KNOWN, "behind").await;
    eventually(|| async { (broker.published() == ["other"]).then_some(()) }).await;
    let unpublished = "select count(*) from outbox where published_at is null and set_aside_at is not null";
    let aside = || async { sqlx::query_scalar::<_, i64>(unpublished).fetch_one(&pool).await.unwrap() };
    eventually(|| async { (aside().await == 801).then_some(()) }).await;

    broker.accept();
    eventually(|| async { (broker.published().len() == 802).then_some(()) }).await;
    eventually(|| async { (aside().await == 0).then_some(()) }).await;
    relay.stop().await;
    assert_eq!(broker.of_key(7), ["7", "407", "behind"]);
}

#[tokio::test]
async fn a_relay_that_cannot_publish_leaves_it_to_a_replica_that_can() {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let broker = Broker::default();
    let cannot = relay(&pool, "cannot", Unreachable, &[KNOWN]);
    write(&pool, 1, KNOWN, "one").await;
    eventually(|| async {
        let held = sqlx::query_scalar("select exists (select from leases where name = 'outbox')");
        held.fetch_one(&pool).await.unwrap_or(false).then_some(())
    })
    .await;

    let can = relay(&pool, "can", broker.clone(), &[KNOWN]);

    broker.has(1, &["one"]).await;
    cannot.stop().await;
    can.stop().await;
}

#[tokio::test]
async fn the_leases_of_a_killed_process_are_free_once_another_starts_at_its_place() {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let outbox = |holder: &str| PgOutbox::new(pool.clone(), holder.to_owned());
    let ttl = Duration::from_hours(1);
    assert_eq!(outbox("host-4711-killed").lease(ttl).await.unwrap(), Some(1));

    lease::release_all(&pool, "host-471-").await;
    assert_eq!(outbox("host-471-started").lease(ttl).await.unwrap(), None);
    lease::release_all(&pool, "host-4711-").await;

    assert_eq!(outbox("host-4711-started").lease(ttl).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_producer_that_failed_for_good_is_made_again() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("topic", 1, 1).unwrap();
    let variables = [("KAFKA_BROKERS", cluster.bootstrap_servers()), ("KAFKA_CREATE_TOPICS", "false".to_owned())];
    let config: platform::kafka::Config = Settings::from_variables(variables).read().unwrap();
    let publisher = KafkaPublisher::new(&config).unwrap();
    let record = || Record { topic: "topic".to_owned(), key: vec![], payload: vec![], headers: HashMap::new() };
    publisher.publish(vec![record()]).await.unwrap();

    // After this error for the oldest record in flight, librdkafka cannot keep its guarantees and never publishes
    // again.
    let desynchronized = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    cluster.request_errors(RDKafkaApiKey::Produce, &[desynchronized]);
    publisher.publish(vec![record()]).await.unwrap_err();

    publisher.publish(vec![record()]).await.unwrap();
}
