//! Tests of the relay between the outbox in PostgreSQL and Kafka.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use contracts::events::OrderPaid;
use outbox::{Outbox as _, PgOutbox, Relay, Waker};
use platform::{
    kafka::{KafkaPublisher, Message},
    postgres::{Database, outbox_of},
};
use sqlx::migrate::Migrator;
use testkit::{Kafka, Running, eventually};
use uuid::Uuid;

use crate::proxied::proxied;

/// The migrations of a service that has an outbox.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/order");

const KIND: &str = "events.v1.OrderPaid";
const KEYS: u128 = 5;

/// A database with an outbox, and the broker to which the relay publishes.
struct Setup {
    database: testkit::Database,
    kafka: Kafka,
    topic: String,
}

impl Setup {
    async fn new() -> Self {
        let (database, kafka) = tokio::join!(testkit::database(&MIGRATIONS), testkit::kafka());
        let topic = kafka.topic::<OrderPaid>();
        Self { database, kafka, topic }
    }

    fn outbox(&self, holder: &str) -> PgOutbox<Database> {
        outbox_of(&self.database.pool, holder)
    }

    fn relay(&self, holder: &str) -> Running {
        self.relay_of(self.outbox(holder))
    }

    fn relay_of(&self, outbox: PgOutbox<Database>) -> Running {
        let publisher = Arc::new(KafkaPublisher::for_relay(&self.kafka.config()).expect("a producer can be made"));
        let topics = HashMap::from([(KIND, self.topic.clone())]);
        let relay = Relay::new("test", Arc::new(outbox), publisher, topics, &Waker::default());
        testkit::run(|stop| relay.run(stop))
    }

    /// Writes one event for each number. The keys take turns.
    async fn write(&self, numbers: impl IntoIterator<Item = u128>) {
        for number in numbers {
            sqlx::query(
                "insert into outbox (event_uuid, event_type, key, payload, trace)
                values ($1, $2, $3, $4, '{\"traceparent\": \"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}')",
            )
            .bind(Uuid::from_u128(number))
            .bind(KIND)
            .bind(Uuid::from_u128(number % KEYS))
            .bind(number.to_string().into_bytes())
            .execute(&self.database.pool)
            .await
            .expect("a row can be written");
        }
    }

    async fn all_marked(&self) {
        eventually(|| async { (unpublished(&self.database.pool).await == 0).then_some(()) }).await;
    }

    async fn messages(&self) -> Vec<Message> {
        self.kafka.messages(&self.topic).await
    }
}

async fn unpublished(pool: &Database) -> i64 {
    let count = sqlx::query_scalar("select count(*) from outbox where published_at is null").fetch_one(pool).await;
    count.expect("the outbox can be read")
}

/// Returns the numbers of the events with this key, in the order of their first delivery.
fn firsts(messages: &[Message], key: u128) -> Vec<u128> {
    let key = Uuid::from_u128(key).to_string().into_bytes();
    let of_key = messages.iter().filter(|message| message.key == key);
    let numbers = of_key.map(|message| String::from_utf8_lossy(&message.payload).parse().expect("a number"));
    let mut known = HashSet::new();
    numbers.filter(|number: &u128| known.insert(*number)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_one_key_keep_their_order_while_relays_die_and_others_take_over() {
    let setup = Setup::new().await;
    let mut relays = vec![setup.relay("0"), setup.relay("1")];

    for round in 0..3_u128 {
        setup.write(round * 300..(round + 1) * 300).await;
        let enough = usize::try_from(round * 300).unwrap() + 1;
        eventually(|| async { (setup.messages().await.len() >= enough).then_some(()) }).await;
        // The lease's holder dies, perhaps in the middle of a batch. Another relay takes over when the lease expires.
        let holder: String =
            sqlx::query_scalar("select holder from leases").fetch_one(&setup.database.pool).await.unwrap();
        let dead = holder.parse::<usize>().unwrap();
        let next = relays.len().to_string();
        relays.push(setup.relay(&next));
        std::mem::replace(&mut relays[dead], testkit::run(async |_| Ok(()))).kill().await;
    }
    setup.all_marked().await;

    let messages = setup.messages().await;
    for key in 0..KEYS {
        assert_eq!(firsts(&messages, key), (0..900).filter(|number| number % KEYS == key).collect::<Vec<_>>());
    }
    for relay in relays {
        relay.stop().await;
    }
}

#[tokio::test]
async fn a_record_says_what_it_is_and_a_trace_that_cannot_be_read_keeps_no_event() {
    let setup = Setup::new().await;
    setup.write(0..3).await;
    // No program of this system can decode the number.
    let damage =
        "update outbox set trace = case id when 1 then '[]'::jsonb else '{\"traceparent\": 1e400}' end where id < 3";
    sqlx::query(damage).execute(&setup.database.pool).await.unwrap();

    let relay = setup.relay("one");
    setup.all_marked().await;
    relay.stop().await;

    let mut messages = setup.messages().await;
    messages.sort_by(|one, other| one.payload.cmp(&other.payload));
    let numbers: Vec<_> = messages.iter().map(|message| message.payload.as_slice()).collect();
    assert_eq!(numbers, [b"0", b"1", b"2"]);
    let headers = &messages[2].headers;
    assert_eq!(headers["event-uuid"], *Uuid::from_u128(2).to_string());
    assert_eq!(&headers["event-type"], KIND);
    assert_eq!(&headers["content-type"], "application/x-protobuf");
    assert_eq!(&headers["traceparent"], "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let age = messages[2].age(platform::clock::now()).expect("it says when it happened");
    assert!(age < Duration::from_mins(5), "{headers:?}");
}

#[tokio::test]
async fn a_relay_that_falls_silent_is_replaced_and_can_mark_nothing_any_more() {
    let setup = Setup::new().await;
    let silent = setup.outbox("silent");
    let old = silent.lease(Duration::from_millis(300)).await.unwrap().unwrap();
    setup.write(0..20).await;

    let relay = setup.relay("other");
    setup.all_marked().await;
    relay.stop().await;
    setup.write(20..21).await;
    let ids: Vec<i64> = silent.unpublished(10, &[]).await.unwrap().iter().map(|row| row.id).collect();
    silent.mark(old, &ids).await.unwrap();

    assert_eq!(ids.len(), 1);
    assert_eq!(unpublished(&setup.database.pool).await, 1);
    assert_ne!(silent.lease(Duration::from_secs(1)).await.unwrap(), Some(old));
}

#[tokio::test]
async fn a_read_that_is_planned_for_an_empty_outbox_does_not_read_all_rows_for_each_row() {
    const ROWS: i64 = 5_000;
    let database = testkit::database(&MIGRATIONS).await;
    // With statistics of an empty table, every index costs the same.
    sqlx::query("vacuum analyze outbox").execute(&database.pool).await.unwrap();
    let pool = Database::lazy("test", "TEST_DATABASE_URL", &database.url.clone().into(), 1);
    let pool = pool.unwrap().with_stable_plans();
    let outbox = outbox_of(&pool, "one");
    let epoch = outbox.lease(Duration::from_secs(30)).await.unwrap().unwrap();
    outbox.take_back(epoch, &[KIND], 1_000).await.unwrap();
    outbox.unpublished(500, &[]).await.unwrap();
    let insert = "insert into outbox (event_uuid, event_type, key, payload, trace)
        select gen_random_uuid(), $1, gen_random_uuid(), '', '{}' from generate_series(1, $2)";
    sqlx::query(insert).bind(KIND).bind(ROWS).execute(&database.pool).await.unwrap();
    let entries = async || -> i64 {
        sqlx::query("select pg_stat_force_next_flush()").execute(&pool).await.unwrap();
        let entries = "select sum(idx_tup_read)::bigint from pg_stat_user_indexes where relname = 'outbox'";
        sqlx::query_scalar(entries).fetch_one(&pool).await.unwrap()
    };
    let before = entries().await;

    let first: Vec<i64> = outbox.unpublished(500, &[]).await.unwrap().iter().map(|row| row.id).collect();
    let second = outbox.unpublished(500, &first).await.unwrap();

    assert_eq!((first.len(), second.len()), (500, 500));
    let read = entries().await - before;
    assert!(read <= 1_500, "1000 rows were found among {read} entries of indexes");
}

#[tokio::test]
async fn a_relay_hears_of_a_commit_in_another_replica() {
    let setup = Setup::new().await;
    let (holder, other) = (setup.outbox("holder"), setup.outbox("other"));

    let heard = tokio::spawn(async move { holder.notified().await });
    eventually(|| async {
        let listening =
            "select exists (select from pg_stat_activity where datname = current_database() and query ilike 'listen%')";
        let listening: bool = sqlx::query_scalar(listening).fetch_one(&setup.database.pool).await.unwrap();
        listening.then_some(())
    })
    .await;
    assert!(!heard.is_finished());
    other.notify().await.unwrap();

    heard.await.unwrap();
}

#[tokio::test]
async fn a_relay_goes_on_when_its_database_is_back() {
    let setup = Setup::new().await;
    let (proxy, pool) = proxied(&setup.database, 5).await;
    let relay = setup.relay_of(outbox_of(&pool, "one"));
    setup.write(0..10).await;
    setup.all_marked().await;

    proxy.cut();
    setup.write(10..20).await;
    proxy.restore();
    setup.all_marked().await;
    proxy.hang();
    setup.write(20..30).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    proxy.restore();
    setup.all_marked().await;

    relay.stop().await;
    let firsts = firsts(&setup.messages().await, 0);
    assert_eq!(firsts, (0..30).filter(|number| number % KEYS == 0).collect::<Vec<_>>());
}
